//! Decides whether a caller is the API server.
//!
//! It is if it has a client certificate (with `--client-ca`) and knows the secret path (if there is
//! one); with both, it needs both. Anybody else gets 404, before the body is read. With neither,
//! everybody gets an answer, and nothing is written to the cluster for any of them.

mod file;
mod secret;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConnection;

pub(crate) use file::PathFile;
pub(crate) use secret::{BadPathSecret, PathSecret};

use crate::admission::Caller;

/// The path of reviews; a secret may follow it.
pub(crate) const ADMIT: &str = "/admit";

/// How the API server is recognized.
#[derive(Clone, Debug, Default)]
pub(crate) enum Callers {
    /// By a client certificate, or not at all.
    #[default]
    ByCertificate,
    /// By one of these secrets in the path of the request.
    ByPath(PathSecrets),
}

/// Whether a connection has a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientCertificate {
    /// It has one, which the handshake verified against the client CA.
    Verified,
    /// The server did not request one.
    NotAskedFor,
}

impl ClientCertificate {
    /// Rustls keeps a client's certificates only if its verifier accepted them.
    pub(super) fn of(connection: &ServerConnection) -> Self {
        match connection.peer_certificates() {
            Some([_, ..]) => Self::Verified,
            Some([]) | None => Self::NotAskedFor,
        }
    }
}

impl Callers {
    /// Returns the caller of this path, or `None` if it gets 404.
    pub(super) fn caller(&self, path: &str, certificate: ClientCertificate) -> Option<Caller> {
        let rest = path.strip_prefix(ADMIT)?;
        match (self, certificate) {
            (Self::ByPath(secrets), _) if rest.is_empty() => {
                secrets.answers_plain_path().then_some(Caller::Unknown)
            }
            (Self::ByPath(secrets), _) => {
                let known = secrets.accept(rest.strip_prefix('/')?);
                known.then_some(Caller::Known)
            }
            (Self::ByCertificate, _) if !rest.is_empty() => None,
            (Self::ByCertificate, ClientCertificate::Verified) => Some(Caller::Known),
            (Self::ByCertificate, ClientCertificate::NotAskedFor) => Some(Caller::Unknown),
        }
    }

    /// Returns whether there is a way to recognize the API server yet.
    pub(super) fn are_known(&self) -> bool {
        match self {
            Self::ByCertificate => true,
            Self::ByPath(secrets) => {
                secrets.answers_plain_path() || !secrets.accepted.load().is_empty()
            }
        }
    }
}

/// The secrets that are accepted; none at first. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathSecrets {
    accepted: Arc<ArcSwap<Vec<PathSecret>>>,
    answers_plain_path: Arc<AtomicBool>,
}

impl PathSecrets {
    /// Accepts these secrets from now on, and no others.
    pub(crate) fn replace(&self, secrets: Vec<PathSecret>) {
        self.accepted.store(Arc::new(secrets));
    }

    /// Answers at the path without a secret, too, to callers that stay unknown: a build that had no secret
    /// paths registered it, and API servers still call it.
    pub(crate) fn answer_plain_path(&self) {
        self.answers_plain_path.store(true, Ordering::Relaxed);
    }

    /// Ends what [`answer_plain_path`](Self::answer_plain_path) began.
    pub(crate) fn refuse_plain_path(&self) {
        self.answers_plain_path.store(false, Ordering::Relaxed);
    }

    fn answers_plain_path(&self) -> bool {
        self.answers_plain_path.load(Ordering::Relaxed)
    }

    /// Compares with all secrets, so that timing does not reveal a close one.
    fn accept(&self, shown: &str) -> bool {
        let secrets = self.accepted.load();
        let matching = secrets.iter().filter(|secret| secret.is(shown));
        matching.count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(letter: char) -> PathSecret {
        let text: String = std::iter::repeat_n(letter, 32).collect();
        text.parse().expect("a secret")
    }

    #[test]
    fn caller_is_known_by_certificate_or_secret_path_and_others_get_nothing() {
        use ClientCertificate::{NotAskedFor, Verified};
        let secrets = PathSecrets::default();
        secrets.replace(vec![secret('a'), secret('b')]);
        let (a, b, c) = (secret('a').path(), secret('b').path(), secret('c').path());
        let (plain, by_path) = (Callers::ByCertificate, Callers::ByPath(secrets));
        let none_yet = Callers::ByPath(PathSecrets::default());
        let known = Some(Caller::Known);
        let table = [
            (&plain, "/admit", Verified, known),
            (&plain, "/admit", NotAskedFor, Some(Caller::Unknown)),
            (&plain, "/admit/", Verified, None),
            (&plain, &a, Verified, None),
            (&plain, "/admitted", Verified, None),
            (&plain, "/", Verified, None),
            (&by_path, &a, NotAskedFor, known),
            (&by_path, &b, Verified, known),
            (&by_path, &c, Verified, None),
            (&by_path, "/admit", Verified, None),
            (&by_path, "/admit/", NotAskedFor, None),
            (&by_path, &a[..a.len() - 1], NotAskedFor, None),
            (&by_path, &format!("{a}/"), NotAskedFor, None),
            (&by_path, &a.replace("/admit/", "/admit"), NotAskedFor, None),
            (&none_yet, &a, Verified, None),
            (&none_yet, "/admit/", Verified, None),
        ];
        for (callers, path, certificate, expected) in table {
            let found = callers.caller(path, certificate);
            assert_eq!(found, expected, "{callers:?} {path} {certificate:?}");
        }
    }

    #[test]
    fn replaced_secrets_are_rejected() {
        let secrets = PathSecrets::default();
        let callers = Callers::ByPath(secrets.clone());
        assert!(!callers.are_known());
        for letter in ['a', 'b'] {
            secrets.replace(vec![secret(letter)]);
            assert!(callers.are_known());
        }
        let ask = |letter| callers.caller(&secret(letter).path(), ClientCertificate::NotAskedFor);
        assert_eq!((ask('a'), ask('b')), (None, Some(Caller::Known)));
    }

    #[test]
    fn caller_of_the_plain_path_is_unknown_as_long_as_an_older_build_has_registered_it() {
        let secrets = PathSecrets::default();
        let callers = Callers::ByPath(secrets.clone());
        let ask = || callers.caller("/admit", ClientCertificate::NotAskedFor);
        assert!(!callers.are_known());
        secrets.answer_plain_path();
        assert!(callers.are_known());
        assert_eq!(ask(), Some(Caller::Unknown));
        secrets.refuse_plain_path();
        assert_eq!(ask(), None);
    }
}
