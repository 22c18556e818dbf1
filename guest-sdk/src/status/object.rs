//! The fields of an object that are read; absent ones have the API's zero value.

use crate::fields::Fields;
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) generation: i64,
    pub(super) labels: Vec<(String, String)>,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) created: Option<Timestamp>,
    pub(super) is_being_deleted: bool,
    pub(super) controller: Option<Owner>,
}

/// An owner of an object.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Metadata {
    /// Reads the metadata of an object.
    pub(super) fn of(object: Fields<'_>) -> Self {
        let metadata = object.at("metadata");
        let mut owners = metadata.at("ownerReferences").items();
        let controller = owners.find(|owner| owner.at("controller").is_true());
        let text = |key| metadata.at(key).text().to_owned();
        Self {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            generation: metadata.at("generation").number().unwrap_or_default(),
            labels: metadata.at("labels").pairs(),
            annotations: metadata.at("annotations").pairs(),
            created: metadata.at("creationTimestamp").time(),
            is_being_deleted: metadata.at("deletionTimestamp").is_there(),
            controller: controller.map(|owner| Owner {
                kind: owner.at("kind").text().to_owned(),
                name: owner.at("name").text().to_owned(),
                uid: owner.at("uid").text().to_owned(),
            }),
        }
    }
}

/// A container's name and image, in a Pod's or a template's spec.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
}

/// Reads all containers of a Pod's spec: the main ones and those that run first.
pub(super) fn containers(spec: Fields<'_>) -> Vec<Container> {
    let mut containers = Vec::new();
    for list in ["containers", "initContainers"] {
        for container in spec.at(list).items() {
            containers.push(Container {
                name: container.at("name").text().to_owned(),
                image: container.at("image").text().to_owned(),
            });
        }
    }
    containers
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) r#type: String,
    pub(super) is_true: bool,
    pub(super) reason: String,
    pub(super) last_transition: Option<Timestamp>,
    pub(super) last_update: Option<Timestamp>,
}

/// Reads the conditions of an object.
pub(super) fn conditions(object: Fields<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for condition in object.at("status").at("conditions").items() {
        conditions.push(Condition {
            r#type: condition.at("type").text().to_owned(),
            is_true: condition.at("status").text() == "True",
            reason: condition.at("reason").text().to_owned(),
            last_transition: condition.at("lastTransitionTime").time(),
            last_update: condition.at("lastUpdateTime").time(),
        });
    }
    conditions
}

/// Returns the condition of this type, if it is true.
pub(super) fn true_condition<'a>(
    conditions: &'a [Condition],
    r#type: &str,
) -> Option<&'a Condition> {
    conditions
        .iter()
        .find(|condition| condition.r#type == r#type && condition.is_true)
}

/// Reads a generation, which Argo Rollouts writes as a text. Other text is no generation.
pub(super) fn generation(field: Fields<'_>) -> i64 {
    let number = field.number();
    number.unwrap_or_else(|| field.text().parse().unwrap_or_default())
}
