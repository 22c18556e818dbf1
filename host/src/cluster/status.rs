//! Says in each policy and metric source of the cluster how it stands. One replica does, for all:
//! the holder of the Lease.

mod word;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::crd::PolicyStatus;
use super::feed::{Fault, Feed, Object, Objects};
use super::{Events, Leadership, Notice};
use crate::server::live::Standing;
use word::{Ready, Word};

/// How often all is looked at where nothing is known to have changed: somebody else may have written.
const EVERY: Duration = Duration::from_secs(30);
/// What could not be written is tried again so soon.
const RETRY: Duration = Duration::from_secs(1);
/// The condition.
const READY: &str = "Ready";

/// Keeps the status of policies and metric sources.
pub struct Reporter {
    /// Whose requests end soon.
    client: Client,
    objects: Objects,
    faults: watch::Receiver<Arc<Vec<Fault>>>,
    events: Events,
}

/// Whether all is written that is to be said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    All,
    /// The object has changed since it was read, or the API server did not take it.
    NotYet,
}

impl Reporter {
    /// One for the objects of a feed.
    #[must_use]
    pub fn new(client: Client, feed: &Feed, events: Events) -> Self {
        Self {
            client,
            objects: feed.objects(),
            faults: feed.faults(),
            events,
        }
    }

    /// Writes what is new, while this replica holds the Lease; for ever.
    pub async fn run(
        mut self,
        mut leadership: Leadership,
        mut in_force: watch::Receiver<Standing>,
    ) -> Infallible {
        loop {
            leadership.held().await;
            let standing = in_force.borrow_and_update().clone();
            let faults = Arc::clone(&self.faults.borrow_and_update());
            let pause = match self.say_all(&standing, &faults, &leadership).await {
                Done::All => EVERY,
                Done::NotYet => RETRY,
            };
            tokio::select! {
                Ok(()) = in_force.changed() => {}
                Ok(()) = self.faults.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn say_all(
        &self,
        standing: &Standing,
        faults: &[Fault],
        leadership: &Leadership,
    ) -> Done {
        let mut done = Done::All;
        for object in self.objects.all() {
            if !leadership.holds() {
                return done;
            }
            // What is being loaded has none yet.
            let Some(word) = word::of(&object, standing, faults) else {
                continue;
            };
            if self.say(&object, &word).await == Done::NotYet {
                done = Done::NotYet;
            }
        }
        done
    }

    async fn say(&self, object: &Object, word: &Word) -> Done {
        let before = status(object);
        let Some(patch) = change(object, &before, word) else {
            return Done::All;
        };
        match self.write(object, &patch).await {
            Ok(()) => {
                if let Word {
                    ready: Ready::No(reason),
                    message,
                    ..
                } = word
                {
                    let note = message.clone();
                    let notice = Notice::warning(reference(object), reason, "Load", note);
                    self.events.tell(notice);
                }
                Done::All
            }
            // Deleted meanwhile.
            Err(Error::Api(status)) if status.is_not_found() => Done::All,
            // The watch brings what it has become.
            Err(Error::Api(status)) if status.is_conflict() => Done::NotYet,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(object = %object.key(), error, "a status cannot be written; trying again");
                Done::NotYet
            }
        }
    }

    async fn write(&self, object: &Object, patch: &Value) -> kube::Result<()> {
        let key = object.key();
        let resource = key.kind.resource();
        let api: Api<DynamicObject> = match &key.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let params = PatchParams {
            field_manager: Some("rollgate".to_owned()),
            ..PatchParams::default()
        };
        api.patch_status(&key.name, &params, &Patch::Merge(patch))
            .await
            .map(drop)
    }
}

/// The status as it was written last; what is not ours to read counts as nothing.
fn status(object: &Object) -> PolicyStatus {
    let status = object.data().get("status").cloned().unwrap_or_default();
    serde_json::from_value(status).unwrap_or_default()
}

/// What is to be written, `None` where all of it stands there. It is for the version of the object
/// that was read and for no other, so that a replica that has lost the Lease without knowing cannot
/// overwrite what another said of a later one.
fn change(object: &Object, before: &PolicyStatus, word: &Word) -> Option<Value> {
    let (ours, others): (Vec<_>, Vec<_>) = before
        .conditions
        .iter()
        .partition(|condition| condition.type_ == READY);
    let said = ours.first().copied();
    let (status, reason) = match word.ready {
        Ready::Yes(reason) => ("True", reason),
        Ready::No(reason) => ("False", reason),
    };
    let same = said.filter(|said| said.status == status);
    let condition = Condition {
        type_: READY.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: word.message.clone(),
        observed_generation: object.generation(),
        last_transition_time: same.map_or_else(
            || Time(Timestamp::now()),
            |said| said.last_transition_time.clone(),
        ),
    };
    let unchanged = said == Some(&condition)
        && before.observed_generation == object.generation()
        && before.module == word.module;
    if unchanged {
        return None;
    }
    let conditions: Vec<_> = others.into_iter().chain([&condition]).collect();
    let mut patch = json!({
        "metadata": {"resourceVersion": object.resource_version()},
        "status": {"observedGeneration": object.generation(), "conditions": conditions},
    });
    if word.module.is_some() || before.module.is_some() {
        patch["status"]["module"] = json!(word.module);
    }
    Some(patch)
}

fn reference(object: &Object) -> ObjectReference {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::feed::Followed;

    fn object(status: &Value) -> Object {
        let object = json!({
            "metadata": {"name": "probes", "generation": 2, "resourceVersion": "7", "uid": "u"},
            "spec": {},
            "status": status,
        });
        let object = serde_json::from_value(object).expect("an object");
        Object::new(Followed::ClusterRolloutPolicy, Arc::new(object))
    }

    fn said(at: &str) -> Value {
        json!({"observedGeneration": 2, "conditions": [
            {"type": "Seen", "status": "True", "reason": "Other", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "False", "reason": "LoadFailed", "message": "no", "observedGeneration": 2, "lastTransitionTime": at},
        ]})
    }

    fn no(message: &str) -> Word {
        Word {
            ready: Ready::No("LoadFailed"),
            message: message.to_owned(),
            module: None,
        }
    }

    fn written(object: &Object, word: &Word) -> Option<Value> {
        change(object, &status(object), word)
    }

    #[test]
    fn what_stands_there_is_not_written_again() {
        let object = object(&said("2026-01-02T00:00:00Z"));
        assert_eq!(written(&object, &no("no")), None);
    }

    #[test]
    fn another_message_is_no_transition_and_conditions_of_others_stay() {
        let patch =
            written(&object(&said("2026-01-02T00:00:00Z")), &no("still not")).expect("news");
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let conditions = &patch["status"]["conditions"];
        assert_eq!(conditions[0]["type"], "Seen");
        assert_eq!(conditions[1]["message"], "still not");
        assert_eq!(conditions[1]["lastTransitionTime"], "2026-01-02T00:00:00Z");
    }

    #[test]
    fn becoming_ready_is_a_transition_of_now() {
        let word = Word {
            ready: Ready::Yes("Loaded"),
            message: String::new(),
            module: None,
        };
        // A condition tells whole seconds.
        let before = Timestamp::now().as_second();
        let patch = written(&object(&said("2020-01-02T00:00:00Z")), &word).expect("news");
        let at = &patch["status"]["conditions"][1]["lastTransitionTime"];
        let at: Timestamp = at
            .as_str()
            .and_then(|at| at.parse().ok())
            .expect("an instant");
        assert!(at.as_second() >= before, "{at}");
    }

    #[test]
    fn a_status_that_somebody_broke_is_written_anew() {
        let patch = written(&object(&json!({"conditions": "none"})), &no("no")).expect("news");
        assert_eq!(patch["status"]["conditions"][0]["reason"], "LoadFailed");
    }
}
