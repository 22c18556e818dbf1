//! Tries whether the Deployment controller passes the guard, on a Deployment of no replicas in the
//! installation's own namespace.
//!
//! That its ReplicaSet comes back after it was deleted says nothing by itself: the API server may not
//! know of the guard yet. So a policy that lets nobody make it is bound first. Once the controller is seen
//! to be refused, the API server asks, and the guard takes the place of that policy in one write.
//! A ReplicaSet that comes after that has come under the guard.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams};
use tokio::time::sleep;

use super::binding::{Bound, PROBE_LABEL};
use super::{GuardError, failed, is_missing};
use crate::cluster::Installation;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the controller may take for one step. It tries a refused ReplicaSet again after twice as long
/// each time, and gives up after some 80 seconds; a trial is over before that.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the API server may take to heed a binding.
const SETTLE: Duration = Duration::from_secs(1);

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The controller made its ReplicaSet under the guard.
    Passed,
    /// It did not.
    Failed(Obstacle),
}

/// Why nothing shows that the controller passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It was refused, as the Deployment says in these words, which name its user.
    Refused(String),
    /// There was nothing to be seen; this is what was waited for.
    Silence(&'static str),
}

/// What the controller is waited for to do.
#[derive(Clone, Copy)]
enum Step {
    /// It makes its ReplicaSet.
    Made,
    /// It is refused one, after that was deleted.
    Refused,
}

/// What there is to be seen.
enum Seen {
    ReplicaSets(Vec<String>),
    Refused(String),
    Neither,
}

/// The trial of one installation.
pub(super) struct Trial<'a> {
    pub(super) client: &'a Client,
    pub(super) installation: &'a Installation,
    pub(super) bound: &'a Bound<'a>,
}

impl Trial<'_> {
    /// Tries a guard that refuses nothing yet.
    pub(super) async fn of(&self, guard: &str) -> Result<Outcome, GuardError> {
        let outcome = self.bound_in_turn(guard).await;
        // Whatever came of it, the controller is left alone again.
        self.bound.unbind_probe().await?;
        outcome
    }

    async fn bound_in_turn(&self, guard: &str) -> Result<Outcome, GuardError> {
        // One that was cut short may have left its binding.
        self.bound.unbind_probe().await?;
        if !self.until(Step::Made).await? {
            return Ok(silence("the ReplicaSet of Deployment"));
        }
        let nobody = self.installation.guard_probe();
        self.bound.bind_probe(&nobody).await?;
        sleep(SETTLE).await;
        if !self.until(Step::Refused).await? {
            return Ok(silence(
                "a policy that refuses everybody to refuse the ReplicaSet of Deployment",
            ));
        }
        self.bound.bind_probe(guard).await?;
        self.made_again().await
    }

    /// Looks whether the controller still passes a guard that is in force for everybody.
    pub(super) async fn again(&self) -> Result<Outcome, GuardError> {
        if let Seen::ReplicaSets(names) = self.look().await? {
            self.delete(&names).await?;
        }
        self.made_again().await
    }

    async fn made_again(&self) -> Result<Outcome, GuardError> {
        if self.until(Step::Made).await? {
            return Ok(Outcome::Passed);
        }
        Ok(match self.look().await? {
            Seen::ReplicaSets(_) => Outcome::Passed,
            Seen::Refused(why) => Outcome::Failed(Obstacle::Refused(why)),
            Seen::Neither => silence("a ReplicaSet to be made for Deployment"),
        })
    }

    async fn until(&self, step: Step) -> Result<bool, GuardError> {
        let from = Instant::now();
        while from.elapsed() < PATIENCE {
            match (step, self.look().await?) {
                (Step::Made, Seen::ReplicaSets(_)) | (Step::Refused, Seen::Refused(_)) => {
                    return Ok(true);
                }
                // One that slipped through is deleted again.
                (Step::Refused, Seen::ReplicaSets(names)) => self.delete(&names).await?,
                _ => {}
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(false)
    }

    async fn look(&self) -> Result<Seen, GuardError> {
        let label = format!("{PROBE_LABEL}={}", self.installation.name);
        let (api, ours) = (self.replica_sets(), ListParams::default().labels(&label));
        let listed = api.list(&ours).await;
        let listed = listed.map_err(failed("list ReplicaSets"))?;
        let present = listed
            .iter()
            .filter(|set| set.metadata.deletion_timestamp.is_none());
        let names: Vec<_> = present.map(kube::ResourceExt::name_any).collect();
        if !names.is_empty() {
            return Ok(Seen::ReplicaSets(names));
        }
        let deployments: Api<Deployment> =
            Api::namespaced(self.client.clone(), &self.installation.namespace);
        let deployment = deployments.get_opt(&self.installation.guard_probe()).await;
        let deployment = deployment.map_err(failed("read the Deployment of the trial"))?;
        Ok(deployment
            .and_then(refusal)
            .map_or(Seen::Neither, Seen::Refused))
    }

    async fn delete(&self, names: &[String]) -> Result<(), GuardError> {
        let (api, parameters) = (self.replica_sets(), DeleteParams::background());
        for name in names {
            match api.delete(name, &parameters).await {
                Err(error) if !is_missing(&error) => {
                    return Err(failed("delete the ReplicaSet of the trial")(error));
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

const fn silence(waited_for: &'static str) -> Outcome {
    Outcome::Failed(Obstacle::Silence(waited_for))
}

/// What a Deployment says of a ReplicaSet that could not be made (`deployment/sync.go` of Kubernetes).
fn refusal(deployment: Deployment) -> Option<String> {
    let conditions = deployment.status?.conditions?;
    let refused = conditions
        .into_iter()
        .find(|condition| condition.reason.as_deref() == Some("ReplicaSetCreateError"))?;
    Some(refused.message.unwrap_or_default())
}
