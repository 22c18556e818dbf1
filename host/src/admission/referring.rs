//! Finds the Argo Rollouts that take their Pod template from the object of a request
//! (`spec.workloadRef`): with another template, they roll out although nobody changes them.

use rollgate_model::json::Value;
use rollgate_model::{
    Classification, ClassifiedRequest, ClusterErrorCode, Kind, Request, Requester, Rollout,
    ShapeError, TemplateChange, TemplateRef,
};
use tokio::time::{Instant, timeout_at};

use super::{Gate, lookups};
use crate::config::{Action, OnError};
use crate::sources::{Cluster, ListQuery, Reading, Scope};

/// Why it is not known which Argo Rollouts a changed template rolls out with.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReferringError {
    #[error(
        "rollgate cannot tell whether an Argo Rollout takes its Pod template from {object}, which this request changes, because {why}"
    )]
    NotListed { object: TemplateRef, why: String },
    #[error(
        "rollgate cannot read the Argo Rollout {name}, which takes its Pod template from {object}: {error}"
    )]
    Rollout {
        object: TemplateRef,
        name: String,
        error: ShapeError,
    },
}

/// A changed Pod template, and who changes it.
pub(super) struct ChangedTemplate {
    change: TemplateChange,
    /// The request, without its objects.
    request: Request,
}

impl Gate {
    /// Returns the Pod template that a request changes, if a policy may match a Rollout that takes it.
    pub(super) fn template_change(&self, request: &Request) -> Option<ChangedTemplate> {
        self.policies.for_templates_of_rollouts().next()?;
        if !self.sources.cluster.is_connected() {
            return None;
        }
        let namespace = request.namespace.as_deref();
        let new = request.object.as_ref()?;
        let change = TemplateChange::of(request.old_object.as_ref(), new, namespace)?;
        let request = Request {
            namespace: request.namespace.clone(),
            user: request.user.clone(),
            groups: request.groups.clone(),
            requester: Requester::Other,
            dry_run: request.dry_run,
            ..Request::update(Value::Null, Value::Null)
        };
        Some(ChangedTemplate { change, request })
    }

    /// Returns the rollouts of the Argo Rollouts that take the changed template.
    pub(super) async fn referring_rollouts(
        &self,
        changed: Option<ChangedTemplate>,
        deadline: Instant,
    ) -> Result<Vec<Rollout>, ReferringError> {
        let Some(ChangedTemplate { change, request }) = changed else {
            return Ok(Vec::new());
        };
        let all = match self.rollouts_in_namespace(&change, deadline).await {
            Ok(all) => all,
            Err(error) if self.fails_closed() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "no policy that matches Rollouts fails closed, so this blocks nothing");
                return Ok(Vec::new());
            }
        };
        let mut found = Vec::new();
        for rollout in all {
            let name = name_of(&rollout);
            let update = Request {
                old_object: Some(rollout.clone()),
                object: Some(rollout),
                ..request.clone()
            };
            let classified = change.classify(update, &self.options.mutable_tags);
            let classification = classified.map_err(|error| ReferringError::Rollout {
                object: change.object().clone(),
                name,
                error,
            })?;
            if let Some(classification) = classification {
                found.extend(self.referring_rollout(classification, deadline).await);
            }
        }
        Ok(found)
    }

    fn fails_closed(&self) -> bool {
        let mut policies = self.policies.for_templates_of_rollouts();
        policies.any(|policy| policy.action == Action::Enforce && policy.on_error == OnError::Deny)
    }

    async fn referring_rollout(
        &self,
        classification: Classification,
        deadline: Instant,
    ) -> Option<Rollout> {
        match self.resolve(classification, deadline).await {
            ClassifiedRequest::Rollout(rollout) => Some(*rollout),
            ClassifiedRequest::NotARollout { .. } => None,
        }
    }

    async fn rollouts_in_namespace(
        &self,
        change: &TemplateChange,
        deadline: Instant,
    ) -> Result<Vec<Value>, ReferringError> {
        let cluster = self.sources.cluster.as_ref();
        let until = lookups::part_of(deadline, lookups::TEMPLATE_PART);
        let namespace = change.object().namespace();
        let all = timeout_at(until, referring(cluster, namespace)).await;
        let all = all.unwrap_or_else(|_| Err(lookups::TOO_LATE.to_owned()));
        all.map_err(|why| ReferringError::NotListed {
            object: change.object().clone(),
            why,
        })
    }
}

/// Lists the Argo Rollouts of a namespace that have a `workloadRef`.
async fn referring(cluster: &dyn Cluster, namespace: &str) -> Result<Vec<Value>, String> {
    let query = ListQuery {
        kind: Kind::Rollout.into(),
        scope: Scope::Namespace(namespace),
        label_selector: "",
    };
    let all = match cluster.list(query, Reading::Fresh).await {
        Ok(all) => all,
        // This cluster has no Argo Rollouts.
        Err(error) if error.code == ClusterErrorCode::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.message),
    };
    let referring = all.iter().filter(|text| text.contains("\"workloadRef\""));
    let parsed = referring.map(|text| serde_json::from_str(text));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn name_of(rollout: &Value) -> String {
    let name = rollout.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}
