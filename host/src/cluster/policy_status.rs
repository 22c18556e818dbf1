//! Writes into the status of each policy and metric source whether it is loaded. The replica that
//! holds the Lease does it for all.

mod condition;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::conditions::{self, ConditionStatus, Outcome};
use super::events::{Events, NewEvent};
use super::lease::Leadership;
use super::objects::dynamic_api;
use super::policies::{ClusterPolicies, InvalidObject, WatchedObject, WatchedObjects};
use crate::reload::ActiveSet;
use condition::PolicyCondition;

/// How often all statuses are compared without a known change: somebody else may have written one.
const RESYNC: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_secs(1);

/// Writes the status of policies and metric sources.
pub(super) struct PolicyStatusWriter {
    /// With short timeouts.
    client: Client,
    objects: WatchedObjects,
    invalid: watch::Receiver<Arc<Vec<InvalidObject>>>,
    events: Events,
}

impl PolicyStatusWriter {
    pub(super) fn new(client: Client, policies: &ClusterPolicies, events: Events) -> Self {
        Self {
            client,
            objects: policies.objects(),
            invalid: policies.invalid(),
            events,
        }
    }

    /// Writes each change while this replica holds the Lease; never returns.
    pub(super) async fn run(
        mut self,
        mut leadership: Leadership,
        mut active: watch::Receiver<ActiveSet>,
    ) -> Infallible {
        loop {
            leadership.held().await;
            let set = active.borrow_and_update().clone();
            let invalid = Arc::clone(&self.invalid.borrow_and_update());
            let mut pause = RESYNC;
            for object in self.objects.all() {
                if !leadership.holds() {
                    break;
                }
                // An object that is being loaded has no condition yet.
                let condition = condition::of(&object, &set, &invalid);
                if let Some(condition) = condition
                    && self.write(&object, &condition).await == Outcome::Conflict
                {
                    pause = RETRY;
                }
            }
            tokio::select! {
                Ok(()) = active.changed() => {}
                Ok(()) = self.invalid.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Writes a condition unless it is there already. A failed write counts as a conflict, which is
    /// tried again.
    async fn write(&self, object: &WatchedObject, condition: &PolicyCondition) -> Outcome {
        let Some(patch) = status_patch(object, condition) else {
            return Outcome::Written;
        };
        let key = object.key();
        let api = dynamic_api(&self.client, &key.kind.resource(), key.namespace.as_deref());
        match conditions::patch_status(&api, &key.name, &patch).await {
            Ok(Outcome::Written) => {
                if condition.ready.status == ConditionStatus::False {
                    self.events.queue(NewEvent::warning(
                        reference(object),
                        condition.ready.reason,
                        "Load",
                        condition.ready.message.clone(),
                    ));
                }
                Outcome::Written
            }
            Ok(outcome) => outcome,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(object = %key, error, "a status cannot be written; trying again");
                Outcome::Conflict
            }
        }
    }
}

fn status_patch(object: &WatchedObject, condition: &PolicyCondition) -> Option<Value> {
    let module = ("module".to_owned(), json!(condition.module));
    let (status, now) = (&object.data()["status"], Timestamp::now());
    let module = Map::from_iter([module]);
    conditions::status_patch(object.metadata(), status, &condition.ready, module, now)
}

fn reference(object: &WatchedObject) -> ObjectReference {
    let key = object.key();
    let resource = key.kind.resource();
    ObjectReference {
        api_version: Some(resource.api_version),
        kind: Some(resource.kind),
        namespace: key.namespace,
        name: Some(key.name),
        uid: Some(object.uid().to_owned()),
        ..ObjectReference::default()
    }
}
