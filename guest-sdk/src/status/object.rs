//! The fields of an object that are read; absent ones have the API's zero value.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) generation: i64,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) creation_timestamp: Option<Timestamp>,
    pub(super) deletion_timestamp: Option<Timestamp>,
    pub(super) owner_references: Vec<Owner>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) controller: bool,
}

impl Metadata {
    pub(super) fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// A container's name and image, in a Pod's or a template's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Containers {
    pub(super) containers: Vec<Container>,
    pub(super) init_containers: Vec<Container>,
}

impl Containers {
    pub(super) fn all(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(&self.init_containers)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    pub(super) r#type: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) last_transition_time: Option<Timestamp>,
    pub(super) last_update_time: Option<Timestamp>,
}

/// Returns the condition of this type, if it is true.
pub(super) fn true_condition<'a>(
    conditions: &'a [Condition],
    r#type: &str,
) -> Option<&'a Condition> {
    conditions
        .iter()
        .find(|condition| condition.r#type == r#type && condition.status == "True")
}

/// Deserializes a generation, which Argo Rollouts writes as a string. Other text is no generation.
pub(super) fn generation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Generation)
}

struct Generation;

impl Visitor<'_> for Generation {
    type Value = i64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a generation")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        Ok(i64::try_from(number).unwrap_or(0))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        Ok(text.parse().unwrap_or(0))
    }
}
