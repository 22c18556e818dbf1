//! The cluster objects of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MissingFact, Scenario};
use crate::selector::LabelSelector;
use crate::{ClusterError, ClusterErrorCode};

/// A read that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectError {
    /// The API version of the kind.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of the object; absent means any, including lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of failure.
    pub code: ClusterErrorCode,
    /// A message for people.
    pub message: String,
}

impl Scenario {
    /// Returns the scenario's answer to the read of one object. An empty namespace means a
    /// cluster-scoped kind. Where the scenario has `objects`, an object that is not among them does
    /// not exist.
    ///
    /// # Errors
    ///
    /// The scenario has no objects.
    pub fn object(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Result<&Value, ClusterError>, MissingFact> {
        let of_kind = OfKind {
            api_version,
            kind,
            namespace,
        };
        if let Some(refusal) = self.refusal(of_kind, Some(name)) {
            return Ok(Err(refusal));
        }
        let objects = self.objects.as_ref().ok_or_else(|| MissingFact::Object {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })?;
        let found = objects.iter().find(|object| {
            of_kind.is_kind_of(object)
                && metadata(object, "namespace") == namespace
                && metadata(object, "name") == name
        });
        Ok(found.ok_or_else(|| of_kind.not_found(name)))
    }

    /// Returns the scenario's answer to a list of the objects of one kind, sorted by namespace and
    /// name. An empty namespace means all, an empty selector any labels.
    ///
    /// # Errors
    ///
    /// The scenario has no objects.
    pub fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Result<Vec<&Value>, ClusterError>, MissingFact> {
        let of_kind = OfKind {
            api_version,
            kind,
            namespace,
        };
        if let Some(refusal) = self.refusal(of_kind, None) {
            return Ok(Err(refusal));
        }
        let selector: LabelSelector = match label_selector.parse() {
            Ok(selector) => selector,
            Err(error) => {
                let message = format!("{error}");
                return Ok(Err(ClusterError {
                    code: ClusterErrorCode::Invalid,
                    message,
                }));
            }
        };
        let objects = self.objects.as_ref().ok_or_else(|| MissingFact::List {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            label_selector: label_selector.to_owned(),
        })?;
        let mut found: Vec<_> = objects
            .iter()
            .filter(|object| of_kind.is_kind_of(object))
            .filter(|object| namespace.is_empty() || metadata(object, "namespace") == namespace)
            .filter(|object| selector.matches(|key| object["metadata"]["labels"][key].as_str()))
            .collect();
        found.sort_by_key(|object| (metadata(object, "namespace"), metadata(object, "name")));
        Ok(Ok(found))
    }

    fn refusal(&self, wanted: OfKind<'_>, name: Option<&str>) -> Option<ClusterError> {
        let refuses = |error: &&ObjectError| {
            error.api_version == wanted.api_version
                && error.kind == wanted.kind
                && error
                    .namespace
                    .as_deref()
                    .is_none_or(|namespace| namespace == wanted.namespace)
                && error
                    .name
                    .as_deref()
                    .is_none_or(|refused| name == Some(refused))
        };
        let error = self.object_errors.iter().find(refuses)?;
        Some(ClusterError {
            code: error.code,
            message: error.message.clone(),
        })
    }
}

/// The objects of a kind in a namespace.
#[derive(Clone, Copy)]
struct OfKind<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
}

impl OfKind<'_> {
    fn is_kind_of(&self, object: &Value) -> bool {
        object["apiVersion"] == self.api_version && object["kind"] == self.kind
    }

    fn not_found(&self, name: &str) -> ClusterError {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        let message = format!("there is no {} {}{slash}{name}", self.kind, self.namespace);
        ClusterError {
            code: ClusterErrorCode::NotFound,
            message,
        }
    }
}

fn metadata<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
