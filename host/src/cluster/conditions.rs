//! Writing one condition into the status of an object, without losing what others write there.

use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use kube::Error;
use kube::api::{Api, Patch, PatchParams};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A condition as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewCondition {
    pub(super) type_: &'static str,
    pub(super) status: ConditionStatus,
    /// In CamelCase.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditionStatus {
    True,
    False,
}

impl ConditionStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
        }
    }
}

impl NewCondition {
    /// Returns the condition to write. The time of the last transition stays unless the status
    /// changes.
    pub(super) fn after(
        &self,
        before: Option<&Condition>,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Condition {
        let same_status = before.filter(|before| before.status == self.status.as_str());
        Condition {
            type_: self.type_.to_owned(),
            status: self.status.as_str().to_owned(),
            reason: self.reason.to_owned(),
            message: self.message.clone(),
            observed_generation: generation,
            last_transition_time: same_status
                .map_or(Time(now), |before| before.last_transition_time.clone()),
        }
    }
}

/// Returns the merge patch that puts a condition and the fields `others` into a status; `None` if all
/// of it is there already. Conditions of other types stay as they are.
///
/// The patch names the version of the object that `status` is part of, and the API server refuses it
/// for any other. So a condition that somebody else has added meanwhile is not lost, and a replica that
/// no longer holds the Lease without knowing it overwrites nothing newer.
pub(super) fn status_patch(
    metadata: &ObjectMeta,
    status: &Value,
    condition: &NewCondition,
    others: Map<String, Value>,
    now: Timestamp,
) -> Option<Value> {
    let is_ours = |other: &Value| other["type"] == condition.type_;
    let conditions = status["conditions"].as_array();
    let (ours, foreign): (Vec<_>, Vec<_>) = conditions
        .into_iter()
        .flatten()
        .partition(|other| is_ours(other));
    let before = ours
        .first()
        .and_then(|before| serde_json::from_value((*before).clone()).ok());
    let new = condition.after(before.as_ref(), metadata.generation, now);
    let conditions: Vec<_> = foreign.into_iter().cloned().chain([json!(new)]).collect();
    let mut wanted = others;
    wanted.insert("observedGeneration".to_owned(), json!(metadata.generation));
    wanted.retain(|field, value| status[field.as_str()] != *value);
    if before.as_ref() == Some(&new) && ours.len() == 1 && wanted.is_empty() {
        return None;
    }
    wanted.insert("conditions".to_owned(), json!(conditions));
    Some(json!({
        "metadata": {"resourceVersion": metadata.resource_version},
        "status": wanted,
    }))
}

/// What became of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    /// The object was deleted meanwhile.
    Gone,
    /// The object was written meanwhile. The watch brings its new version.
    Conflict,
}

/// Sends a patch that [`status_patch`] returned.
pub(super) async fn patch_status<K>(
    objects: &Api<K>,
    name: &str,
    patch: &Value,
) -> kube::Result<Outcome>
where
    K: Clone + DeserializeOwned + Debug,
{
    let params = PatchParams {
        field_manager: Some("rollgate".to_owned()),
        ..PatchParams::default()
    };
    match objects
        .patch_status(name, &params, &Patch::Merge(patch))
        .await
    {
        Ok(_) => Ok(Outcome::Written),
        Err(Error::Api(status)) if status.is_not_found() => Ok(Outcome::Gone),
        Err(Error::Api(status)) if status.is_conflict() => Ok(Outcome::Conflict),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn metadata() -> ObjectMeta {
        ObjectMeta {
            generation: Some(2),
            resource_version: Some("7".to_owned()),
            ..ObjectMeta::default()
        }
    }

    fn status() -> Value {
        json!({"observedGeneration": 2, "uses": [{"user": "jo"}], "conditions": [
            {"type": "Seen", "status": "True", "reason": "Other", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z", "note": "kept"},
            {"type": "Ready", "status": "False", "reason": "LoadFailed", "message": "no", "observedGeneration": 2, "lastTransitionTime": "2026-01-02T00:00:00Z"},
        ]})
    }

    fn ready(status: ConditionStatus, message: &str) -> NewCondition {
        NewCondition {
            type_: "Ready",
            status,
            reason: "LoadFailed",
            message: message.to_owned(),
        }
    }

    fn patch(status: &Value, condition: &NewCondition) -> Option<Value> {
        status_patch(&metadata(), status, condition, Map::new(), NOW)
    }

    #[test]
    fn condition_that_is_there_already_is_not_written_again() {
        assert_eq!(patch(&status(), &ready(ConditionStatus::False, "no")), None);
    }

    #[test]
    fn patch_keeps_conditions_of_others_whole_and_names_no_other_field() {
        let patch = patch(&status(), &ready(ConditionStatus::False, "still not")).expect("a patch");
        let before = status();
        assert_eq!(patch["status"]["conditions"][0], before["conditions"][0]);
        assert_eq!(patch["status"]["conditions"][1]["message"], "still not");
        assert_eq!(patch["status"]["uses"], Value::Null);
    }

    #[test]
    fn patch_carries_the_version_that_was_read_so_no_concurrent_update_is_lost() {
        let patch = patch(&status(), &ready(ConditionStatus::False, "still not")).expect("a patch");
        assert_eq!(patch["metadata"], json!({"resourceVersion": "7"}));
    }

    #[test]
    fn another_message_keeps_the_transition_time_and_another_status_sets_it() {
        let time = |condition| {
            let patch = patch(&status(), &condition).expect("a patch");
            patch["status"]["conditions"][1]["lastTransitionTime"].clone()
        };
        assert_eq!(
            time(ready(ConditionStatus::False, "still not")),
            "2026-01-02T00:00:00Z"
        );
        assert_eq!(time(ready(ConditionStatus::True, "")), json!(Time(NOW)),);
    }

    #[test]
    fn another_generation_or_another_field_is_written() {
        let condition = ready(ConditionStatus::False, "no");
        let newer = ObjectMeta {
            generation: Some(3),
            ..metadata()
        };
        let patch = |metadata: &ObjectMeta, others| {
            status_patch(metadata, &status(), &condition, others, NOW)
        };
        assert!(patch(&newer, Map::new()).is_some());
        let module = |value| Map::from_iter([("module".to_owned(), value)]);
        assert!(patch(&metadata(), module(json!({"name": "probes"}))).is_some());
        assert_eq!(patch(&metadata(), module(Value::Null)), None);
    }

    #[test]
    fn malformed_conditions_are_replaced() {
        let condition = ready(ConditionStatus::False, "no");
        let patch = patch(&json!({"conditions": "none"}), &condition).expect("a patch");
        assert_eq!(patch["status"]["conditions"][0]["reason"], "LoadFailed");
    }
}
