//! The secret in the path at which the API server calls: who knows it is taken for the API server.
//!
//! It stands in the Secret `NAME-webhook-path` of the installation's namespace. Only the holder of the
//! Lease writes it, and every replica follows it and accepts all that stands there.
//!
//! | key | what stands there |
//! |---|---|
//! | `current` | the secret that the registration names |
//! | `next` | during a renewal: the one that it will name |
//! | `previous` | for some minutes after: the one that it named before |
//!
//! The API server prints the path in the errors of calls that fail, so it does not stay secret for ever:
//! it is renewed after each start of the process that holds the Lease, and at intervals. A renewal fails
//! no request: every replica accepts the next secret before the registration names it, and the previous
//! one until every API server has heard of that.

mod follow;
mod step;
mod stored;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;

use super::Installation;
use super::kept_secret::{Content as _, KeptSecret, SecretError};
use crate::server::PathSecret;
pub use follow::PathFollower;
use step::Step;
pub use step::{PathRenewal, PathTimes};
use stored::Stored;

/// Keeps the Secret; for the holder of the Lease.
pub(super) struct Keeper<'r> {
    secret: KeptSecret,
    renewal: &'r PathRenewal,
}

/// The Secret as it was found or left.
pub(super) struct Kept {
    stored: Stored,
    step: Step,
}

impl Kept {
    /// The secret that the registration is to name.
    pub(super) fn current(&self) -> &PathSecret {
        &self.stored.current
    }

    /// When there is something to be done, if nothing changes.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.step {
            Step::Wait(until) => Some(until),
            _ => None,
        }
    }
}

impl<'r> Keeper<'r> {
    pub(super) fn new(
        client: Client,
        installation: Installation,
        renewal: &'r PathRenewal,
    ) -> Self {
        let name = installation.webhook_path();
        let secret = KeptSecret {
            client,
            installation,
            name,
        };
        Self { secret, renewal }
    }

    /// Takes the step that is due, if one is. `registered` is what the registration names now.
    pub(super) async fn advance(&self, registered: &[PathSecret]) -> Result<Kept, SecretError> {
        let now = Timestamp::now();
        let secret = self.secret.read().await?;
        let (stored, whole) = self.look_at(secret.as_ref(), now);
        let step = Step::next(stored.as_ref(), registered, now, self.renewal);
        let stored = match (stored, step.changes()) {
            (Some(stored), false) if whole => return Ok(Kept { stored, step }),
            (stored, _) => step.take(stored, registered, now, self.renewal),
        };
        tracing::info!(secret = self.secret.name, "{}", step.told());
        self.secret.write(secret, &stored).await?;
        let step = Step::next(Some(&stored), registered, now, self.renewal);
        Ok(Kept { stored, step })
    }

    /// What stands in the Secret, and whether it stands there as it should.
    fn look_at(&self, secret: Option<&Secret>, now: Timestamp) -> (Option<Stored>, bool) {
        let Some(secret) = secret else {
            return (None, false);
        };
        let (stored, damages) = Stored::read(secret, now);
        for damage in &damages {
            tracing::error!(%damage, secret = self.secret.name, "the Secret is damaged and is made anew; replicas that run accept what they have");
        }
        let data = stored.as_ref().map(Stored::data);
        (stored, data == secret.data)
    }
}
