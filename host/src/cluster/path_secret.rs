//! The secret in the path that the API server calls: whoever knows it is taken for the API server.
//!
//! It is in the Secret `NAME-webhook-path` of the installation's namespace. Only the holder of the Lease
//! writes it; every replica watches it and accepts all secrets in it.
//!
//! | key | value |
//! |---|---|
//! | `current` | the secret that the registration names |
//! | `next` | during a renewal: the one that it will name |
//! | `previous` | for some minutes after: the one that it named before |
//!
//! The API server prints the path in the errors of failed calls, so it does not stay secret for ever. It is
//! renewed after each start of the process that holds the Lease, and at intervals. A renewal fails no
//! request: every replica accepts the next secret before the registration names it, and the previous one
//! until every API server knows the new registration. If the Secret is deleted or damaged in between, the
//! secrets that are missing in the new one stay accepted for as long ([`RecentPaths`]).

mod recent;
mod step;
mod stored;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use futures_util::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;
use tokio::time::{Instant, timeout_at};

use super::managed_secret::{Content as _, ManagedSecret, SecretError};
use super::{Installation, objects};
use crate::server::{ADMIT, PathSecret, PathSecrets};
use recent::RecentPaths;
use step::Step;
pub(crate) use step::{PathRenewal, PathTimes};
use stored::Stored;

/// Renews the secret; for the holder of the Lease.
pub(super) struct PathRotation<'r> {
    secret: ManagedSecret,
    renewal: &'r PathRenewal,
}

/// The Secret as it was read or written.
pub(super) struct RotationState {
    stored: Stored,
    step: Step,
}

impl RotationState {
    /// Returns the secret that the registration is to name.
    pub(super) fn current(&self) -> &PathSecret {
        &self.stored.current
    }

    /// Returns when every replica accepts a secret that was made just now.
    pub(super) fn accepted_everywhere(&self, renewal: &PathRenewal) -> Timestamp {
        let made = self.stored.renewed.unwrap_or(Timestamp::MIN);
        let spread = renewal.times.spread;
        made.saturating_add(spread).unwrap_or(Timestamp::MAX)
    }

    /// Returns when the next step is due if nothing changes before.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.step {
            Step::Wait(until) => Some(until),
            _ => None,
        }
    }
}

impl<'r> PathRotation<'r> {
    pub(super) fn new(
        client: Client,
        installation: Installation,
        renewal: &'r PathRenewal,
    ) -> Self {
        let name = installation.webhook_path();
        let secret = ManagedSecret {
            client,
            installation,
            name,
        };
        Self { secret, renewal }
    }

    /// Takes the step that is due. `registered` is what the registration names now.
    pub(super) async fn advance(
        &self,
        registered: &[PathSecret],
    ) -> Result<RotationState, SecretError> {
        let now = Timestamp::now();
        let secret = self.secret.read().await?;
        let (stored, intact) = self.parse(secret.as_ref(), now);
        let step = Step::next(stored.as_ref(), registered, now, self.renewal);
        let stored = match (stored, step.changes()) {
            (Some(stored), false) if intact => return Ok(RotationState { stored, step }),
            (stored, _) => step.take(stored, registered, now, self.renewal),
        };
        tracing::info!(secret = self.secret.name, "{}", step.description());
        self.secret.write(secret, &stored).await?;
        let step = Step::next(Some(&stored), registered, now, self.renewal);
        Ok(RotationState { stored, step })
    }

    /// Parses the Secret, and returns whether it is intact.
    fn parse(&self, secret: Option<&Secret>, now: Timestamp) -> (Option<Stored>, bool) {
        let Some(secret) = secret else {
            return (None, false);
        };
        let (stored, damages) = Stored::read(secret, now);
        for damage in &damages {
            tracing::error!(%damage, secret = self.secret.name, "the Secret is damaged and is written again; running replicas keep accepting what they have");
        }
        let data = stored.as_ref().map(Stored::data);
        (stored, data == secret.data)
    }
}

/// Accepts the secrets in the Secret; for every replica.
pub(super) struct PathFollower {
    /// For watches.
    pub(super) client: Client,
    pub(super) installation: Installation,
    pub(super) times: PathTimes,
    pub(super) secrets: PathSecrets,
}

impl PathFollower {
    /// Watches the Secret, and never returns. If it is deleted or damaged, nothing changes.
    pub(super) async fn run(self) -> Infallible {
        let mut plain_path = self.plain_path().await;
        if plain_path != PlainPath::Refused {
            self.secrets.answer_plain_path();
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        let secrets = objects::watch(api, self.installation.webhook_path());
        pin_mut!(secrets);
        let mut recent = RecentPaths::new(self.times.overlap());
        loop {
            let end = recent.next_end().into_iter().chain(plain_path.end()).min();
            let next = match end {
                Some(end) => timeout_at(end, secrets.next()).await,
                None => Ok(secrets.next().await),
            };
            match next {
                Ok(Some(Some(secret))) => match Stored::read(&secret, Timestamp::now()).0 {
                    Some(stored) => {
                        recent.replace(&stored, Instant::now());
                        plain_path = plain_path.until(Instant::now() + self.times.overlap());
                    }
                    None => {
                        tracing::warn!(
                            "the Secret has no valid secret path; the accepted ones stay"
                        );
                    }
                },
                Ok(Some(None) | None) => continue,
                Err(_) => {}
            }
            self.secrets.replace(recent.accepted(Instant::now()));
            if plain_path.end().is_some_and(|end| end <= Instant::now()) {
                plain_path = PlainPath::Refused;
                self.secrets.refuse_plain_path();
            }
        }
    }

    /// A build that had no secret paths registered the plain path. While its replicas run, one of them may
    /// hold the Lease and keep it so.
    async fn plain_path(&self) -> PlainPath {
        let name = &self.installation.name;
        let all: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        match all.get_opt(name).await {
            Ok(Some(registered)) if has_plain_path(&registered) => {
                tracing::warn!(
                    "an older build has registered a path without a secret: it is answered until the new path is registered, and nothing is written for such requests"
                );
                PlainPath::Answered
            }
            Ok(_) => PlainPath::Refused,
            Err(error) => {
                tracing::warn!(%error, "the registration cannot be read, so a path without a secret is not answered");
                PlainPath::Refused
            }
        }
    }
}

/// Returns whether the API server calls a path without a secret, as a build registered it that had none.
pub(super) fn has_plain_path(registered: &ValidatingWebhookConfiguration) -> bool {
    let webhooks = registered.webhooks.iter().flatten();
    let mut services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services.any(|service| service.path.as_deref() == Some(ADMIT))
}

/// Whether the path without a secret is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainPath {
    Refused,
    /// Until there is a secret path.
    Answered,
    /// Until no API server calls it any more.
    AnsweredUntil(Instant),
}

impl PlainPath {
    const fn end(self) -> Option<Instant> {
        match self {
            Self::AnsweredUntil(end) => Some(end),
            Self::Refused | Self::Answered => None,
        }
    }

    /// Sets the end, once there is a secret path.
    const fn until(self, end: Instant) -> Self {
        match self {
            Self::Answered => Self::AnsweredUntil(end),
            other => other,
        }
    }
}
