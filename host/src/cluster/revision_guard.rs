//! The guard of revisions: a ValidatingAdmissionPolicy that lets only controllers write the ReplicaSets
//! of workloads, because rollgate recognises a rollback by them. It works while rollgate is down.
//!
//! The chart installs the policy; the replica that holds the Lease binds it. If the controllers' users
//! were wrong in it, no rollout of the cluster could proceed. So the binding only warns and audits until
//! a [`probe`] has shown that the Deployment controller passes. The policy's name contains a digest of
//! its content: a policy with other users is another policy, which starts with a probe again.

mod binding;
mod probe;
mod status;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::Error;
use kube::api::Api;
use tokio::time::sleep;

use super::events::Events;
use super::lease::Leadership;
use super::switch::Switch;
use super::{Clients, Installation, objects};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};
use binding::{Enforcement, GuardBindings};
use probe::{Outcome, Probe, ProbeFailure};
use status::GuardStatus;

/// How often an enforced guard is probed: the controller's user may change with the control plane.
const PROBE_INTERVAL: Duration = Duration::from_secs(600);

/// How soon a failed probe is repeated.
const PROBE_RETRY: Duration = Duration::from_secs(120);

/// How soon to try again after an error, or if the policy is missing.
const RETRY: Duration = Duration::from_secs(15);

/// The least time between two steps.
const MIN_PAUSE: Duration = Duration::from_millis(200);

type Bindings = Api<ValidatingAdmissionPolicyBinding>;

/// Keeps the guard of revisions bound.
pub(super) struct RevisionGuard {
    pub(super) clients: Clients,
    pub(super) installation: Installation,
    /// The name of the ValidatingAdmissionPolicy; `None` unbinds whatever is bound.
    pub(super) policy: Option<String>,
    pub(super) events: Events,
    pub(super) telemetry: Telemetry,
}

/// When the guard is probed next.
#[derive(Default)]
struct Schedule {
    next: Option<Instant>,
    /// How the guard was bound after the last probe.
    bound: Option<Enforcement>,
}

impl Schedule {
    fn is_due(&self, found: Enforcement) -> bool {
        self.bound != Some(found) || self.next.is_none_or(|next| next <= Instant::now())
    }

    fn wait(&self) -> Duration {
        let wait = self.next.map(|next| next.duration_since(Instant::now()));
        wait.unwrap_or_default().max(MIN_PAUSE)
    }

    fn set(&mut self, bound: Enforcement, next_in: Duration) {
        self.bound = Some(bound);
        self.next = Some(Instant::now() + next_in);
    }
}

impl RevisionGuard {
    /// Keeps the guard while this replica holds the Lease; never returns.
    pub(super) async fn run(self, mut leadership: Leadership) -> Infallible {
        loop {
            leadership.held().await;
            tokio::select! {
                () = leadership.lost() => {}
                () = self.reconcile() => {}
            }
            // From here on, another replica reports problems.
            self.telemetry
                .reload(ReloadSubject::RevisionGuard, ReloadOutcome::Ok);
        }
    }

    async fn reconcile(&self) {
        let mut changes = self.changes();
        let mut switch = Switch::changes(&self.clients.watches, &self.installation).boxed();
        let mut schedule = Schedule::default();
        loop {
            let step = tokio::select! {
                step = self.step(&mut schedule) => step,
                // A probe takes seconds. Whoever switches rollgate off must not wait for it.
                () = self.switched_off(&mut switch) => continue,
            };
            let wait = match step {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the guard of revisions cannot be kept; trying again");
                    self.telemetry
                        .reload(ReloadSubject::RevisionGuard, ReloadOutcome::Failed);
                    RETRY
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                Some(()) = changes.next() => {}
            }
        }
    }

    async fn switched_off(&self, switch: &mut BoxStream<'static, ()>) {
        while let Some(()) = switch.next().await {
            let now = Switch::read(&self.clients.requests, &self.installation).await;
            if matches!(now, Ok(Switch::Off)) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Returns an item whenever the binding or the off switch changes.
    fn changes(&self) -> BoxStream<'static, ()> {
        let watches = &self.clients.watches;
        let bindings: Bindings = Api::all(watches.clone());
        let binding = objects::watch(bindings, self.installation.guard_binding());
        let switch = Switch::changes(watches, &self.installation);
        select_all([binding.map(drop).boxed(), switch.boxed()]).boxed()
    }

    /// Takes the step that is due, and returns how long to wait for the next.
    async fn step(&self, schedule: &mut Schedule) -> Result<Duration, GuardError> {
        let bindings = GuardBindings {
            client: &self.clients.requests,
            installation: &self.installation,
        };
        let policy = self.installed_policy().await?;
        let switch = Switch::read(&self.clients.requests, &self.installation).await;
        let switch = switch.map_err(failed("read the Deployment, which has the off switch"))?;
        match (&self.policy, policy, switch) {
            (None, ..) => {
                bindings.unbind().await?;
                Ok(PROBE_INTERVAL)
            }
            (Some(_), policy, Switch::Off) => {
                bindings.unbind().await?;
                if let Some(policy) = policy {
                    self.write_status(policy, &GuardStatus::Off).await?;
                }
                *schedule = Schedule::default();
                Ok(PROBE_INTERVAL)
            }
            // The chart has been upgraded. The replicas of its new version bind the new policy.
            (Some(_), None, Switch::On) => Ok(RETRY),
            (Some(_), Some(policy), Switch::On) => {
                self.guard(policy, &bindings, schedule).await?;
                Ok(schedule.wait())
            }
        }
    }

    async fn installed_policy(&self) -> Result<Option<&str>, GuardError> {
        let Some(name) = &self.policy else {
            return Ok(None);
        };
        let api: Api<ValidatingAdmissionPolicy> = Api::all(self.clients.requests.clone());
        let read = api.get_opt(name).await;
        let read = read.map_err(failed("read the ValidatingAdmissionPolicy of the guard"))?;
        Ok(read.map(|_| name.as_str()))
    }

    async fn guard(
        &self,
        policy: &str,
        bindings: &GuardBindings<'_>,
        schedule: &mut Schedule,
    ) -> Result<(), GuardError> {
        let probe = Probe {
            client: &self.clients.requests,
            installation: &self.installation,
            bindings,
        };
        let outcome = match bindings.enforcement(policy).await? {
            Some(found) if !schedule.is_due(found) => return Ok(()),
            Some(Enforcement::Deny) => probe.enforced().await?,
            before => {
                if before.is_none() {
                    bindings.bind(policy, Enforcement::Warn).await?;
                    self.write_status(policy, &GuardStatus::Probing).await?;
                }
                let outcome = probe.unenforced(policy).await?;
                if outcome == Outcome::Passed {
                    bindings.bind(policy, Enforcement::Deny).await?;
                }
                outcome
            }
        };
        self.conclude(policy, outcome, bindings, schedule).await
    }

    /// Binds the guard as the outcome says. An enforced guard is relaxed only if the controller was
    /// denied, and not if a controller manager is down for a while.
    async fn conclude(
        &self,
        policy: &str,
        outcome: Outcome,
        bindings: &GuardBindings<'_>,
        schedule: &mut Schedule,
    ) -> Result<(), GuardError> {
        let status = match outcome {
            Outcome::Passed => GuardStatus::Enforced,
            Outcome::Failed(ProbeFailure::Timeout(_))
                if bindings.enforcement(policy).await? == Some(Enforcement::Deny) =>
            {
                GuardStatus::Enforced
            }
            Outcome::Failed(failure) => {
                bindings.bind(policy, Enforcement::Warn).await?;
                GuardStatus::WarnsOnly(failure)
            }
        };
        match status {
            GuardStatus::Enforced => schedule.set(Enforcement::Deny, PROBE_INTERVAL),
            _ => schedule.set(Enforcement::Warn, PROBE_RETRY),
        }
        self.write_status(policy, &status).await
    }
}

#[derive(Debug, thiserror::Error)]
enum GuardError {
    #[error("the API server refuses to {verb}, or does not answer: {error}")]
    Api { verb: &'static str, error: Error },
    #[error(
        "the ValidatingAdmissionPolicyBinding {name} is that of the installation in namespace {namespace}: a cluster takes one; uninstall that one, or, where nothing runs there any more, delete the binding"
    )]
    Taken { name: String, namespace: String },
}

fn failed(verb: &'static str) -> impl Fn(Error) -> GuardError {
    move |error| GuardError::Api { verb, error }
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.is_not_found())
}
