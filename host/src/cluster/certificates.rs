//! The certificates that rollgate makes for itself.
//!
//! They are in the Secret `NAME-certificates` of the installation's namespace. Every replica watches it;
//! only the holder of the Lease writes it.
//!
//! | key | value, in PEM |
//! |---|---|
//! | `tls.crt`, `tls.key` | the serving certificate, the CA that signed it; its key |
//! | `next.crt`, `next.key` | during a rotation: the next serving certificate |
//! | `ca.crt` | the CAs that API servers trust: the `caBundle` of the registration |
//!
//! Each certificate has a CA of its own, whose key is thrown away after it has signed that certificate.
//! Whoever reads the Secret can impersonate rollgate until the certificate expires, but sign nothing.
//!
//! A rotation fails no request: first API servers trust the next CA besides the present one, then
//! replicas serve with the next certificate, then the old CA is removed. Each step has time to propagate,
//! counted from when it is known to be in the registration (annotation `rollgate.dev/since`).

mod follow;
mod pair;
mod step;
mod stored;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;

use super::Installation;
use super::managed_secret::{Content as _, ManagedSecret, SecretError};
pub(super) use follow::CertificateFollower;
pub(super) use pair::Certificate;
use pair::Pair;
pub(crate) use step::CertificateTimes;
use step::{Registered, Step};
use stored::Stored;

/// Rotates the certificates; for the holder of the Lease.
pub(super) struct CertificateRotation {
    secret: ManagedSecret,
    times: CertificateTimes,
}

/// The Secret as it was read or written.
pub(super) struct RotationState {
    secret: Secret,
    stored: Stored,
    step: Step,
}

impl RotationState {
    /// Returns the CAs that API servers are to trust, in PEM.
    pub(super) fn bundle(&self) -> String {
        self.stored.bundle()
    }

    /// Returns whether the rotation waits until the registration has this bundle.
    pub(super) fn waits_for_registration(&self) -> bool {
        self.step == Step::Spread
    }

    /// Returns when the next step is due if nothing changes before.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.step {
            Step::Wait(until) => Some(until),
            _ => None,
        }
    }
}

/// Why the certificates cannot be rotated.
#[derive(Debug, thiserror::Error)]
pub(super) enum RotationError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// For example, the name of the installation is no host name.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertificateRotation {
    pub(super) fn new(client: Client, installation: Installation, times: CertificateTimes) -> Self {
        let name = installation.certificates();
        let secret = ManagedSecret {
            client,
            installation,
            name,
        };
        Self { secret, times }
    }

    /// Takes the step that is due. `registered` is what the registration trusts now.
    pub(super) async fn advance(
        &self,
        registered: Vec<Certificate>,
    ) -> Result<RotationState, RotationError> {
        let now = Timestamp::now();
        let secret = self.secret.read().await?;
        let (stored, intact) = self.parse(secret.as_ref(), now);
        let trusted = if registered.is_empty() {
            Registered::Nothing
        } else {
            Registered::Something
        };
        let step = Step::next(&stored, trusted, now, self.times);
        let taken = self.take(step, stored.clone(), registered, now)?;
        match (taken, secret) {
            (None, Some(secret)) if intact => Ok(RotationState {
                secret,
                stored,
                step,
            }),
            (taken, secret) => {
                Self::log(&self.secret.name, step);
                self.write(secret, taken.unwrap_or(stored)).await
            }
        }
    }

    /// Notes that the registration has the bundle: from now on it propagates.
    pub(super) async fn start_propagation(
        &self,
        state: RotationState,
    ) -> Result<RotationState, RotationError> {
        let stored = state.stored.spreading(Timestamp::now());
        self.write(Some(state.secret), stored).await
    }

    /// Parses the Secret, and returns whether it is intact.
    fn parse(&self, secret: Option<&Secret>, now: Timestamp) -> (Stored, bool) {
        let Some(secret) = secret else {
            return (Stored::default(), false);
        };
        let (stored, damages) = Stored::read(secret, &self.host(), now);
        for damage in &damages {
            tracing::error!(%damage, secret = self.secret.name, "the Secret is damaged and is written again; running replicas keep serving with what they have");
        }
        let intact = secret.data.as_ref() == Some(&stored.data());
        (stored, intact)
    }

    /// Returns the content after a step; `None` if the step changes nothing.
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

    fn log(secret: &str, step: Step) {
        let what = match step {
            Step::Begin => "the first certificate is made",
            Step::Introduce => "the next certificate is made, and API servers are to trust its CA",
            Step::Promote => "replicas serve with the next certificate",
            Step::Retire => "the previous CA is not trusted any more",
            Step::Spread | Step::Wait(_) => "the Secret is repaired",
        };
        tracing::info!(secret, "{what}");
    }

    async fn write(
        &self,
        read: Option<Secret>,
        stored: Stored,
    ) -> Result<RotationState, RotationError> {
        let secret = self.secret.write(read, &stored).await?;
        let step = Step::next(&stored, Registered::Something, Timestamp::now(), self.times);
        Ok(RotationState {
            secret,
            stored,
            step,
        })
    }

    fn host(&self) -> String {
        self.secret.installation.service_host()
    }
}
