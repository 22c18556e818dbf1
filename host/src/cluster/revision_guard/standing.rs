//! Says how the guard stands: a condition in the status of its ValidatingAdmissionPolicy, and where
//! something is to be done, an Event on the installation's Deployment and a line in the log.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::keeper::RevisionGuard;
use super::trial::Obstacle;
use super::{GuardError, failed};
use crate::cluster::Notice;
use crate::telemetry::{ReloadOutcome, ReloadSubject};

/// The condition.
const ENFORCED: &str = "Enforced";

/// How the guard stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is in force.
    Enforced,
    /// It only warns: it is being tried.
    OnTrial,
    /// It only warns, since the trial did not end well.
    WarnsOnly(Obstacle),
    /// It is switched off.
    Off,
}

impl Standing {
    const fn status(&self) -> &'static str {
        match self {
            Self::Enforced => "True",
            Self::OnTrial | Self::WarnsOnly(_) | Self::Off => "False",
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::Enforced => "ControllerPasses",
            Self::OnTrial => "OnTrial",
            Self::WarnsOnly(Obstacle::Refused(_)) => "ControllerRefused",
            Self::WarnsOnly(Obstacle::Silence(_)) => "TrialFailed",
            Self::Off => "SwitchedOff",
        }
    }

    fn message(&self, probe: &str) -> String {
        match self {
            Self::Enforced => {
                "the Deployment controller passes; writes of revisions by others are refused"
                    .to_owned()
            }
            Self::OnTrial => {
                "it only warns until the Deployment controller was seen to pass".to_owned()
            }
            Self::WarnsOnly(Obstacle::Refused(why)) => format!(
                "it only warns, since it would stop every rollout: the Deployment controller is none of the users in the chart's value revisionGuard.controllers; add the user that Deployment {probe} names: {why}"
            ),
            Self::WarnsOnly(Obstacle::Silence(waited)) => format!(
                "it only warns, since nothing shows that the Deployment controller would pass: waited in vain for {waited} {probe}; see its conditions, and that kube-controller-manager runs"
            ),
            Self::Off => "it refuses nothing: rollgate is switched off".to_owned(),
        }
    }
}

impl RevisionGuard {
    /// Says it wherever people look, unless it stands there already.
    pub(super) async fn say(&self, policy: &str, standing: &Standing) -> Result<(), GuardError> {
        let probe = self.installation.guard_probe();
        let message = standing.message(&format!("{}/{probe}", self.installation.namespace));
        let api: Api<ValidatingAdmissionPolicy> = Api::all(self.brief.clone());
        let read = api.get(policy).await;
        let read = read.map_err(failed("read the ValidatingAdmissionPolicy of the guard"))?;
        let conditions = read.status.and_then(|status| status.conditions);
        let mut conditions = conditions.into_iter().flatten();
        let before = conditions.find(|condition| condition.type_ == ENFORCED);
        let now = Condition {
            type_: ENFORCED.to_owned(),
            status: standing.status().to_owned(),
            reason: standing.reason().to_owned(),
            message,
            observed_generation: read.metadata.generation,
            last_transition_time: match &before {
                Some(before) if before.status == standing.status() => {
                    before.last_transition_time.clone()
                }
                _ => Time(Timestamp::now()),
            },
        };
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        self.tell(standing, &now.message);
        let apply = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": policy },
            "status": { "conditions": [now] },
        });
        let parameters = PatchParams::apply("rollgate").force();
        api.patch_status(policy, &parameters, &Patch::Apply(apply))
            .await
            .map_err(failed("write how the guard stands into its status"))?;
        Ok(())
    }

    fn tell(&self, standing: &Standing, message: &str) {
        let outcome = match standing {
            Standing::Enforced | Standing::Off => ReloadOutcome::Ok,
            Standing::OnTrial | Standing::WarnsOnly(_) => ReloadOutcome::Failed,
        };
        self.telemetry.reload(ReloadSubject::RevisionGuard, outcome);
        let Standing::WarnsOnly(_) = standing else {
            tracing::info!(
                reason = standing.reason(),
                message,
                "the guard of revisions"
            );
            return;
        };
        tracing::error!(
            reason = standing.reason(),
            message,
            "the guard of revisions only warns"
        );
        let deployment = ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            namespace: Some(self.installation.namespace.clone()),
            name: Some(self.installation.name.clone()),
            ..ObjectReference::default()
        };
        let note = message.to_owned();
        let notice = Notice::warning(deployment, "RevisionGuardWarnsOnly", "Guard", note);
        self.events.tell(notice);
    }
}
