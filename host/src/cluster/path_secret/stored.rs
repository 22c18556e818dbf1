//! The content of the Secret.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::cluster::managed_secret::{self, Content};
use crate::server::{BadPathSecret, PathSecret};

const CURRENT: &str = "current";
const NEXT: &str = "next";
const PREVIOUS: &str = "previous";
const SINCE: &str = "rollgate.dev/since";
const RENEWED: &str = "rollgate.dev/renewed";
const TERM: &str = "rollgate.dev/renewed-by";

/// The content of the Secret, as far as it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// The secret that the registration names.
    pub(super) current: PathSecret,
    /// The secret that it will name when every replica accepts it.
    pub(super) next: Option<PathSecret>,
    /// The secret that it named before.
    pub(super) previous: Option<PathSecret>,
    /// Since when the present step of a renewal propagates.
    pub(super) since: Option<Timestamp>,
    /// When the last renewal was.
    pub(super) renewed: Option<Timestamp>,
    /// Which process renewed it last; empty if unknown.
    pub(super) term: String,
}

/// An invalid entry of the Secret, which is not shown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {error}")]
pub(super) struct Damage {
    key: &'static str,
    error: BadPathSecret,
}

impl Stored {
    /// Parses a Secret; `None` if it lacks the current secret.
    pub(super) fn read(secret: &Secret, now: Timestamp) -> (Option<Self>, Vec<Damage>) {
        let mut damages = Vec::new();
        let mut read = |key: &'static str| {
            let found = secret.data.as_ref()?.get(key)?;
            let text = String::from_utf8_lossy(&found.0);
            let report = |error| damages.push(Damage { key, error });
            text.parse().map_err(report).ok()
        };
        let (current, next, previous) = (read(CURRENT), read(NEXT), read(PREVIOUS));
        let time = |key| managed_secret::time(secret, key, now);
        let annotations = secret.metadata.annotations.as_ref();
        let term = annotations.and_then(|annotations| annotations.get(TERM));
        let stored = current.map(|current| Self {
            current,
            next,
            previous,
            since: time(SINCE),
            renewed: time(RENEWED),
            term: term.cloned().unwrap_or_default(),
        });
        (stored, damages)
    }

    /// Returns all secrets, which every replica accepts.
    pub(super) fn accepted(self) -> Vec<PathSecret> {
        let others = self.next.into_iter().chain(self.previous);
        std::iter::once(self.current).chain(others).collect()
    }

    /// Returns the content of a new Secret. If the registration names a secret already, that one stays the
    /// current one, and the new one is the next.
    pub(super) fn begun(registered: Option<&PathSecret>, now: Timestamp, term: &str) -> Self {
        let fresh = PathSecret::generate();
        let first = Self {
            current: fresh.clone(),
            next: None,
            previous: None,
            since: None,
            renewed: Some(now),
            term: term.to_owned(),
        };
        match registered {
            None => first,
            Some(registered) => Self {
                current: registered.clone(),
                ..first
            }
            .introduced(fresh, now),
        }
    }

    /// The first step of a renewal: replicas are to accept the next secret, too.
    pub(super) fn introduced(mut self, next: PathSecret, now: Timestamp) -> Self {
        self.next = Some(next);
        self.since = Some(now);
        self
    }

    /// The second step: the registration is to name the next secret.
    pub(super) fn promoted(mut self, now: Timestamp, term: &str) -> Self {
        if let Some(next) = self.next.take() {
            self.previous = Some(std::mem::replace(&mut self.current, next));
        }
        self.since = None;
        self.renewed = Some(now);
        term.clone_into(&mut self.term);
        self
    }

    /// Notes the time from which the last step propagates.
    pub(super) fn spreading(mut self, now: Timestamp) -> Self {
        self.since = Some(now);
        self
    }

    /// The last step: replicas stop accepting the previous secret.
    pub(super) fn retired(mut self) -> Self {
        self.previous = None;
        self.since = None;
        self
    }
}

impl Content for Stored {
    fn data(&self) -> BTreeMap<String, ByteString> {
        let all = [
            (CURRENT, Some(&self.current)),
            (NEXT, self.next.as_ref()),
            (PREVIOUS, self.previous.as_ref()),
        ];
        let all = all.into_iter().filter_map(|(key, secret)| {
            let bytes = secret?.expose().as_bytes().to_owned();
            Some((key.to_owned(), ByteString(bytes)))
        });
        all.collect()
    }

    fn annotate(&self, annotations: &mut BTreeMap<String, String>) {
        let all = [
            (SINCE, self.since.map(|since| since.to_string())),
            (RENEWED, self.renewed.map(|renewed| renewed.to_string())),
            (TERM, Some(self.term.clone())),
        ];
        for (key, value) in all {
            annotations.remove(key);
            annotations.extend(value.map(|value| (key.to_owned(), value)));
        }
    }
}
