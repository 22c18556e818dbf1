//! The certificates that rollgate makes for itself.
//!
//! They stand in the Secret `NAME-certificates` of the installation's namespace, from where every
//! replica serves. Only the holder of the Lease writes it.
//!
//! | key | what stands there, in PEM |
//! |---|---|
//! | `tls.crt`, `tls.key` | what replicas serve with: the certificate, the CA that signed it; its key |
//! | `next.crt`, `next.key` | during a rotation: what they will serve with |
//! | `ca.crt` | whom API servers are to trust: the `caBundle` of the registration |
//!
//! Each certificate has a CA of its own, whose key is thrown away when it has signed that one: who
//! reads the Secret can be taken for rollgate until the certificate ends, and sign nothing.
//!
//! A rotation fails no request, because trust comes before and goes after. First the next CA is
//! trusted besides the present one, then replicas serve with the next certificate, then the old CA is
//! forgotten; between two steps there is time for everybody to hear of it, counted from when the
//! registration is known to carry it (annotation `rollgate.dev/since`).

mod follow;
mod pair;
mod pem;
mod step;
mod stored;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;

use super::Installation;
use super::kept_secret::{Content as _, KeptSecret, SecretError};
pub use follow::Follower;
use pair::Pair;
pub(super) use pem::Certificate;
pub use step::Times;
use step::{Registered, Step};
use stored::Stored;

/// Keeps the Secret; for the holder of the Lease.
pub(super) struct Keeper {
    secret: KeptSecret,
    times: Times,
}

/// The Secret as it was found or left.
pub(super) struct Kept {
    secret: Secret,
    stored: Stored,
    step: Step,
}

impl Kept {
    /// Whom API servers are to trust, in PEM.
    pub(super) fn bundle(&self) -> String {
        self.stored.bundle()
    }

    /// Whether the rotation waits for this bundle to stand in the registration.
    pub(super) fn waits_for_registration(&self) -> bool {
        self.step == Step::Spread
    }

    /// When there is something to be done, if nothing changes.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.step {
            Step::Wait(until) => Some(until),
            _ => None,
        }
    }
}

/// Why the Secret cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    /// The API server does not do it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No certificate can be made, for example because the name of the installation is none.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl Keeper {
    pub(super) fn new(client: Client, installation: Installation, times: Times) -> Self {
        let name = installation.certificates();
        let secret = KeptSecret {
            client,
            installation,
            name,
        };
        Self { secret, times }
    }

    /// Takes the step that is due, if one is. `registered` is what the registration trusts now.
    pub(super) async fn advance(&self, registered: Vec<Certificate>) -> Result<Kept, KeepError> {
        let now = Timestamp::now();
        let secret = self.secret.read().await?;
        let (stored, whole) = self.look_at(secret.as_ref(), now);
        let trusted = if registered.is_empty() {
            Registered::Nothing
        } else {
            Registered::Something
        };
        let step = Step::next(&stored, trusted, now, self.times);
        let taken = self.take(step, stored.clone(), registered, now)?;
        match (taken, secret) {
            (None, Some(secret)) if whole => Ok(Kept {
                secret,
                stored,
                step,
            }),
            (taken, secret) => {
                self.tell(step);
                self.write(secret, taken.unwrap_or(stored)).await
            }
        }
    }

    /// The bundle stands in the registration: from now on it spreads.
    pub(super) async fn spread(&self, kept: Kept) -> Result<Kept, KeepError> {
        let stored = kept.stored.spreading(Timestamp::now());
        self.write(Some(kept.secret), stored).await
    }

    /// What stands in the Secret, and whether it stands there as it should.
    fn look_at(&self, secret: Option<&Secret>, now: Timestamp) -> (Stored, bool) {
        let Some(secret) = secret else {
            return (Stored::default(), false);
        };
        let (stored, damages) = Stored::read(secret, &self.host(), now);
        for damage in &damages {
            tracing::error!(%damage, secret = self.secret.name, "the Secret is damaged and is made anew; replicas that run serve with what they have");
        }
        let whole = secret.data.as_ref() == Some(&stored.data());
        (stored, whole)
    }

    /// What a step makes of what stands there; `None` where it changes nothing.
    fn take(
        &self,
        step: Step,
        stored: Stored,
        registered: Vec<Certificate>,
        now: Timestamp,
    ) -> Result<Option<Stored>, rcgen::Error> {
        let make = || Pair::make(&self.host(), now, self.times.lifetime);
        Ok(match step {
            Step::Begin => Some(Stored::begun(make()?)),
            Step::Introduce => Some(stored.introduced(make()?, registered)),
            Step::Promote => Some(stored.promoted(now)),
            Step::Retire => Some(stored.retired()),
            Step::Spread | Step::Wait(_) => None,
        })
    }

    fn tell(&self, step: Step) {
        let what = match step {
            Step::Begin => "a first certificate is made",
            Step::Introduce => "the next certificate is made, and its CA is to be trusted",
            Step::Promote => "every replica is to serve with the next certificate",
            Step::Retire => "the CA of before is trusted no longer",
            Step::Spread | Step::Wait(_) => "the Secret is put in order",
        };
        tracing::info!(secret = self.secret.name, "{what}");
    }

    /// Writes over what was read, and nothing else.
    async fn write(&self, read: Option<Secret>, stored: Stored) -> Result<Kept, KeepError> {
        let secret = self.secret.write(read, &stored).await?;
        let step = Step::next(&stored, Registered::Something, Timestamp::now(), self.times);
        Ok(Kept {
            secret,
            stored,
            step,
        })
    }

    fn host(&self) -> String {
        self.secret.installation.service_host()
    }
}
