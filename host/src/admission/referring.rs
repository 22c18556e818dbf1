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

/// The most Argo Rollouts that are evaluated for one changed template.
const MOST: usize = 16;

/// Why it is not known which Argo Rollouts a changed template rolls out with.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReferringError {
    #[error(
        "rollgate cannot evaluate the Argo Rollouts that take their Pod template from {object}, which this request changes: {why}"
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
        let all = match self.rollouts_that_take(&change, deadline).await {
            Ok(all) => all,
            Err(error) if self.fails_closed() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "no policy that matches Rollouts fails closed, so this blocks nothing");
                return Ok(Vec::new());
            }
        };
        let mut found = Vec::new();
        for rollout in all {
            let name = rollout.pointer("/metadata/name");
            let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
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

    async fn rollouts_that_take(
        &self,
        change: &TemplateChange,
        deadline: Instant,
    ) -> Result<Vec<Value>, ReferringError> {
        let cluster = self.sources.cluster.as_ref();
        let until = lookups::part_of(deadline, lookups::TEMPLATE_PART);
        let all = timeout_at(until, referring(cluster, change)).await;
        let all = all.unwrap_or_else(|_| Err(lookups::TOO_LATE.to_owned()));
        all.map_err(|why| ReferringError::NotListed {
            object: change.object().clone(),
            why,
        })
    }
}

/// Reads the Argo Rollouts that take their Pod template from the changed object. They are parsed one by
/// one, and the others are not kept.
async fn referring(cluster: &dyn Cluster, change: &TemplateChange) -> Result<Vec<Value>, String> {
    let query = ListQuery {
        kind: Kind::Rollout.into(),
        scope: Scope::Namespace(change.object().namespace()),
        label_selector: "",
    };
    let all = match cluster.list(query, Reading::Fresh).await {
        Ok(all) => all,
        // This cluster has no Argo Rollouts.
        Err(error) if error.code == ClusterErrorCode::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.message),
    };
    let mut taking = Vec::new();
    for text in all.iter().filter(|text| text.contains("\"workloadRef\"")) {
        let rollout = lookups::parse_object(text)?;
        if change.is_taken_by(&rollout) {
            taking.push(rollout);
        }
        if taking.len() > MOST {
            return Err(format!("there are more than {MOST}"));
        }
    }
    Ok(taking)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use futures_util::future::{BoxFuture, ready};
    use rollgate_model::ClusterError;
    use serde_json::json;

    use super::*;
    use crate::sources::ObjectRef;

    /// A cluster with these Argo Rollouts.
    struct Rollouts(Vec<Arc<str>>);

    impl Cluster for Rollouts {
        fn get<'a>(
            &'a self,
            _: ObjectRef<'a>,
            _: Reading,
        ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
            unreachable!("only lists are read")
        }

        fn list<'a>(
            &'a self,
            _: ListQuery<'a>,
            _: Reading,
        ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
            ready(Ok(self.0.clone())).boxed()
        }
    }

    fn rollout(name: &str, from: &str, replicas: &serde_json::Value) -> Arc<str> {
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": from});
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": replicas, "workloadRef": reference},
        });
        object.to_string().into()
    }

    fn change() -> TemplateChange {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}},
        });
        TemplateChange::of(None, &deployment.into(), None).expect("a new template")
    }

    #[tokio::test]
    async fn rollouts_of_other_objects_do_not_matter_even_if_they_cannot_be_parsed() {
        let cluster = Rollouts(vec![
            rollout("other", "else", &json!("many")),
            rollout("shop", "web", &json!(1)),
        ]);
        let taking = referring(&cluster, &change()).await.expect("it is read");
        let names: Vec<_> = taking
            .iter()
            .map(|it| it.pointer("/metadata/name").and_then(Value::as_str))
            .collect();
        assert_eq!(names, [Some("shop")]);
    }

    #[tokio::test]
    async fn more_rollouts_of_one_object_than_are_evaluated_are_an_error() {
        let many = (0..=MOST).map(|number| rollout(&number.to_string(), "web", &json!(1)));
        let error = referring(&Rollouts(many.collect()), &change()).await;
        assert_eq!(error.unwrap_err(), "there are more than 16");
    }
}
