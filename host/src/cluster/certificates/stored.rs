//! The content of the Secret.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::pair::Certificate;
use super::pair::{Pair, Unusable};
use crate::cluster::managed_secret::{self, Content};

const CURRENT: [&str; 2] = ["tls.crt", "tls.key"];
const NEXT: [&str; 2] = ["next.crt", "next.key"];
const TRUSTED: &str = "ca.crt";
const SINCE: &str = "rollgate.dev/since";

/// The content of the Secret, as far as it is valid.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    /// The certificate that replicas serve with.
    pub(super) current: Option<Pair>,
    /// The certificate that they will serve with when every API server trusts it.
    pub(super) next: Option<Pair>,
    /// The CAs that API servers are to trust, those of both certificates included.
    pub(super) trusted: Vec<Certificate>,
    /// Since when the present step of a rotation propagates.
    pub(super) since: Option<Timestamp>,
}

/// An invalid entry of the Secret.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {error}")]
pub(super) struct Damage {
    key: &'static str,
    error: Unusable,
}

impl Stored {
    /// Parses the Secret of replicas with this host name.
    pub(super) fn read(secret: &Secret, host: &str, now: Timestamp) -> (Self, Vec<Damage>) {
        let mut damages = Vec::new();
        let mut pair = |[certificate, key]: [&'static str; 2]| {
            let found = [text(secret, certificate), text(secret, key)];
            if found.iter().all(String::is_empty) {
                return None;
            }
            let read = Pair::read(&found[0], &found[1], host, now);
            let damage = |error| Damage {
                key: certificate,
                error,
            };
            read.map_err(|error| damages.push(damage(error))).ok()
        };
        let (current, next) = (pair(CURRENT), pair(NEXT));
        let mut stored = Self {
            current,
            next,
            trusted: Vec::new(),
            since: managed_secret::time(secret, SINCE, now),
        };
        stored.trust(Certificate::parse_all(&text(secret, TRUSTED)));
        (stored, damages)
    }

    /// Returns the CAs that API servers are to trust, in PEM.
    pub(super) fn bundle(&self) -> String {
        Certificate::to_pem(&self.trusted)
    }

    /// Returns the certificate that a replica is to serve with. `present` is the expiry of the one that it
    /// serves with now: if the Secret is damaged, it keeps that one, which API servers trust.
    pub(super) fn to_serve(&self, present: Option<Timestamp>, now: Timestamp) -> Option<&Pair> {
        match (&self.current, present) {
            (Some(current), _) => Some(current),
            (None, Some(expiry)) if now < expiry => None,
            (None, _) => self.next.as_ref(),
        }
    }

    /// Starts with a pair that no API server has to trust yet.
    pub(super) fn begun(pair: Pair) -> Self {
        let mut begun = Self {
            current: Some(pair),
            ..Self::default()
        };
        begun.trust(Vec::new());
        begun
    }

    /// The first step of a rotation: API servers are to trust the next pair, too.
    pub(super) fn introduced(mut self, pair: Pair, trusted_before: Vec<Certificate>) -> Self {
        self.next = Some(pair);
        self.since = None;
        let known = std::mem::take(&mut self.trusted);
        self.trust(known.into_iter().chain(trusted_before).collect());
        self
    }

    /// Notes the time from which the last step propagates.
    pub(super) fn spreading(mut self, now: Timestamp) -> Self {
        self.since = Some(now);
        self
    }

    /// The second step: every replica serves with the next pair.
    pub(super) fn promoted(mut self, now: Timestamp) -> Self {
        self.current = self.next.take();
        self.since = Some(now);
        self
    }

    /// The last step: API servers stop trusting the previous CA.
    pub(super) fn retired(mut self) -> Self {
        self.since = None;
        self.trusted.clear();
        self.trust(Vec::new());
        self
    }

    /// Returns whether CAs are trusted that sign neither certificate.
    pub(super) fn trusts_others(&self) -> bool {
        let pairs = [&self.current, &self.next].into_iter().flatten();
        self.trusted.len() > pairs.count()
    }

    /// Returns when the certificate is to be replaced: when a third of its lifetime is left.
    pub(super) fn due(&self, lifetime: Duration) -> Option<Timestamp> {
        let current = self.current.as_ref()?;
        Some(
            current
                .not_after
                .saturating_sub(lifetime / 3)
                .unwrap_or(Timestamp::MIN),
        )
    }

    /// Trusts the CAs of both pairs, which come first, and `others`.
    fn trust(&mut self, others: Vec<Certificate>) {
        let pairs = [&self.next, &self.current].into_iter().flatten();
        let all = pairs.map(|pair| pair.ca.clone()).chain(others);
        let mut trusted: Vec<Certificate> = Vec::new();
        for one in all {
            if !trusted.contains(&one) {
                trusted.push(one);
            }
        }
        self.trusted = trusted;
    }
}

impl Content for Stored {
    fn data(&self) -> BTreeMap<String, ByteString> {
        let pairs = [(CURRENT, &self.current), (NEXT, &self.next)];
        let pairs = pairs
            .into_iter()
            .filter_map(|(keys, pair)| Some((keys, pair.as_ref()?)));
        let texts = pairs.flat_map(|([certificate, key], pair)| {
            [(certificate, pair.chain.clone()), (key, pair.key.clone())]
        });
        let texts = texts.chain([(TRUSTED, self.bundle())]);
        texts
            .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
            .collect()
    }

    fn annotate(&self, annotations: &mut BTreeMap<String, String>) {
        annotations.remove(SINCE);
        if let Some(since) = self.since {
            annotations.insert(SINCE.to_owned(), since.to_string());
        }
    }
}

fn text(secret: &Secret, key: &str) -> String {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    data.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
        .unwrap_or_default()
}
