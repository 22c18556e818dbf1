//! Writes the state of the guard: a condition in the status of its ValidatingAdmissionPolicy, and if
//! somebody has to act, an Event on the installation's Deployment and an error in the log.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::probe::ProbeFailure;
use super::{GuardError, RevisionGuard, failed};
use crate::cluster::conditions::{ConditionStatus, NewCondition};
use crate::cluster::events::NewEvent;
use crate::telemetry::{ReloadOutcome, ReloadSubject};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GuardStatus {
    Enforced,
    /// It only warns, until the first probe has ended.
    Probing,
    /// It only warns, because the probe failed.
    WarnsOnly(ProbeFailure),
    /// It is not bound, because rollgate is switched off.
    Off,
}

impl GuardStatus {
    const fn status(&self) -> ConditionStatus {
        match self {
            Self::Enforced => ConditionStatus::True,
            Self::Probing | Self::WarnsOnly(_) | Self::Off => ConditionStatus::False,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::Enforced => "ControllerPasses",
            Self::Probing => "OnTrial",
            Self::WarnsOnly(ProbeFailure::Denied(_)) => "ControllerRefused",
            Self::WarnsOnly(ProbeFailure::Timeout(_)) => "TrialFailed",
            Self::Off => "SwitchedOff",
        }
    }

    fn message(&self, probe: &str) -> String {
        match self {
            Self::Enforced => {
                "the Deployment controller passes; writes of revisions by others are refused"
                    .to_owned()
            }
            Self::Probing => {
                "it only warns until the Deployment controller was seen to pass".to_owned()
            }
            Self::WarnsOnly(ProbeFailure::Denied(why)) => format!(
                "it only warns, since it would stop every rollout: the Deployment controller is none of the users in the chart's value revisionGuard.controllers; add the user that Deployment {probe} names: {why}"
            ),
            Self::WarnsOnly(ProbeFailure::Timeout(waited)) => format!(
                "it only warns, since nothing shows that the Deployment controller would pass: waited in vain for {waited} {probe}; see its conditions, and that kube-controller-manager runs"
            ),
            Self::Off => "it refuses nothing: rollgate is switched off".to_owned(),
        }
    }
}

impl RevisionGuard {
    /// Writes and logs the state, unless it is in the status already. Server-side apply keeps the
    /// conditions of others.
    pub(super) async fn write_status(
        &self,
        policy: &str,
        status: &GuardStatus,
    ) -> Result<(), GuardError> {
        let probe = self.installation.guard_probe();
        let condition = NewCondition {
            type_: "Enforced",
            status: status.status(),
            reason: status.reason(),
            message: status.message(&format!("{}/{probe}", self.installation.namespace)),
        };
        let api: Api<ValidatingAdmissionPolicy> = Api::all(self.clients.requests.clone());
        let read = api.get(policy).await;
        let read = read.map_err(failed("read the ValidatingAdmissionPolicy of the guard"))?;
        let conditions = read.status.and_then(|status| status.conditions);
        let mut conditions = conditions.into_iter().flatten();
        let before = conditions.find(|other| other.type_ == condition.type_);
        let now = condition.after(before.as_ref(), read.metadata.generation, Timestamp::now());
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        self.report(status, &now.message);
        let apply = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": policy },
            "status": { "conditions": [now] },
        });
        let parameters = PatchParams::apply("rollgate").force();
        api.patch_status(policy, &parameters, &Patch::Apply(apply))
            .await
            .map_err(failed("write the state of the guard into its status"))?;
        Ok(())
    }

    fn report(&self, status: &GuardStatus, message: &str) {
        let outcome = match status {
            GuardStatus::Enforced | GuardStatus::Off => ReloadOutcome::Ok,
            GuardStatus::Probing | GuardStatus::WarnsOnly(_) => ReloadOutcome::Failed,
        };
        self.telemetry.reload(ReloadSubject::RevisionGuard, outcome);
        let GuardStatus::WarnsOnly(_) = status else {
            tracing::info!(reason = status.reason(), message, "the guard of revisions");
            return;
        };
        tracing::error!(
            reason = status.reason(),
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
        let event = NewEvent::warning(deployment, "RevisionGuardWarnsOnly", "Guard", note);
        self.events.queue(event);
    }
}
