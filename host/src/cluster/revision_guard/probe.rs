//! Probes whether the Deployment controller passes the guard, by a Deployment without replicas in the
//! installation's own namespace.
//!
//! That its ReplicaSet comes back after a deletion proves nothing by itself: the API server may not know
//! the guard's binding yet. So a policy that denies the ReplicaSet to everybody is bound first. When the
//! controller is seen to be denied, the API server applies the binding, and the guard replaces that
//! policy in one write. A ReplicaSet that is created after that has passed the guard.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams};
use tokio::time::sleep;

use super::binding::{GuardBindings, PROBE_LABEL};
use super::{GuardError, failed, is_not_found};
use crate::cluster::Installation;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long the controller may take for one step. It retries a denied ReplicaSet with exponential backoff
/// and gives up after some 80 seconds; a probe ends before that.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the API server may take to apply a binding.
const SETTLE: Duration = Duration::from_secs(1);

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The controller has created its ReplicaSet under the guard.
    Passed,
    Failed(ProbeFailure),
}

/// Why the controller was not seen to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeFailure {
    /// It was denied. The message of the Deployment's condition names its user.
    Denied(String),
    /// Neither happened in time; this is what the probe waited for.
    Timeout(&'static str),
}

/// A state of the probe that it waits for.
#[derive(Clone, Copy)]
enum Expected {
    ReplicaSet,
    Denial,
}

/// The state of the probe.
enum Observed {
    ReplicaSets(Vec<String>),
    Denial(String),
    Neither,
}

/// The probe of one installation.
pub(super) struct Probe<'a> {
    pub(super) client: &'a Client,
    pub(super) installation: &'a Installation,
    pub(super) bindings: &'a GuardBindings<'a>,
}

impl Probe<'_> {
    /// Probes a guard that only warns.
    pub(super) async fn unenforced(&self, guard: &str) -> Result<Outcome, GuardError> {
        let outcome = self.deny_then_guard(guard).await;
        self.bindings.unbind_probe().await?;
        outcome
    }

    async fn deny_then_guard(&self, guard: &str) -> Result<Outcome, GuardError> {
        // A probe that was interrupted may have left its binding.
        self.bindings.unbind_probe().await?;
        if !self.wait_for(Expected::ReplicaSet).await? {
            return Ok(timed_out("the ReplicaSet of Deployment"));
        }
        let nobody = self.installation.guard_probe();
        self.bindings.bind_probe(&nobody).await?;
        sleep(SETTLE).await;
        if !self.wait_for(Expected::Denial).await? {
            return Ok(timed_out(
                "a policy that refuses everybody to refuse the ReplicaSet of Deployment",
            ));
        }
        self.bindings.bind_probe(guard).await?;
        self.recreated().await
    }

    /// Probes a guard that is enforced.
    pub(super) async fn enforced(&self) -> Result<Outcome, GuardError> {
        if let Observed::ReplicaSets(names) = self.observe().await? {
            self.delete(&names).await?;
        }
        self.recreated().await
    }

    async fn recreated(&self) -> Result<Outcome, GuardError> {
        if self.wait_for(Expected::ReplicaSet).await? {
            return Ok(Outcome::Passed);
        }
        Ok(match self.observe().await? {
            Observed::ReplicaSets(_) => Outcome::Passed,
            Observed::Denial(why) => Outcome::Failed(ProbeFailure::Denied(why)),
            Observed::Neither => timed_out("a ReplicaSet to be created for Deployment"),
        })
    }

    async fn wait_for(&self, expected: Expected) -> Result<bool, GuardError> {
        let from = Instant::now();
        while from.elapsed() < STEP_TIMEOUT {
            match (expected, self.observe().await?) {
                (Expected::ReplicaSet, Observed::ReplicaSets(_))
                | (Expected::Denial, Observed::Denial(_)) => {
                    return Ok(true);
                }
                // It was created before the API server applied the binding.
                (Expected::Denial, Observed::ReplicaSets(names)) => self.delete(&names).await?,
                _ => {}
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(false)
    }

    async fn observe(&self) -> Result<Observed, GuardError> {
        let label = format!("{PROBE_LABEL}={}", self.installation.name);
        let (api, ours) = (self.replica_sets(), ListParams::default().labels(&label));
        let listed = api.list(&ours).await;
        let listed = listed.map_err(failed("list ReplicaSets"))?;
        let present = listed
            .iter()
            .filter(|set| set.metadata.deletion_timestamp.is_none());
        let names: Vec<_> = present.map(kube::ResourceExt::name_any).collect();
        if !names.is_empty() {
            return Ok(Observed::ReplicaSets(names));
        }
        let deployments: Api<Deployment> =
            Api::namespaced(self.client.clone(), &self.installation.namespace);
        let deployment = deployments.get_opt(&self.installation.guard_probe()).await;
        let deployment = deployment.map_err(failed("read the Deployment of the probe"))?;
        Ok(deployment
            .and_then(denial)
            .map_or(Observed::Neither, Observed::Denial))
    }

    async fn delete(&self, names: &[String]) -> Result<(), GuardError> {
        let (api, parameters) = (self.replica_sets(), DeleteParams::background());
        for name in names {
            match api.delete(name, &parameters).await {
                Err(error) if !is_not_found(&error) => {
                    return Err(failed("delete the ReplicaSet of the probe")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn replica_sets(&self) -> Api<ReplicaSet> {
        Api::namespaced(self.client.clone(), &self.installation.namespace)
    }
}

const fn timed_out(waited_for: &'static str) -> Outcome {
    Outcome::Failed(ProbeFailure::Timeout(waited_for))
}

/// Returns the message of the condition that a Deployment has when its ReplicaSet could not be created
/// (`deployment/sync.go` of Kubernetes).
fn denial(deployment: Deployment) -> Option<String> {
    let conditions = deployment.status?.conditions?;
    let denied = conditions
        .into_iter()
        .find(|condition| condition.reason.as_deref() == Some("ReplicaSetCreateError"))?;
    Some(denied.message.unwrap_or_default())
}
