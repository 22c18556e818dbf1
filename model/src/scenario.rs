//! Scenarios: one rollout, the settings of one policy, the facts it may query, and the expected
//! verdict, in a YAML file that a person or `--record` writes.
//!
//! Nothing is guessed. If a policy queries a fact that the scenario does not have, that is an
//! [`MissingFact`] error, which prints the lines to add.

mod expect;
mod files;
mod instant;
mod metric;
mod mismatch;
mod missing_fact;
mod object;
mod redact;
mod review;
mod validate;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use expect::{Expectation, ExpectedEvidence, ExpectedFinding, ExpectedOutcome, Until};
pub use files::{files, is_scenario};
pub use metric::{
    MetricAnswer, MetricEntry, MetricRange, MetricValue, ScenarioPoint, ScenarioSample,
    ScenarioSeries,
};
pub use mismatch::{Difference, Mismatch};
pub use missing_fact::MissingFact;
pub use object::ObjectError;
pub use redact::Redactor;
pub use review::NoRollout;

use crate::Kind;
use rollgate_yaml::{self as yaml, Document, ReadError, YamlError};

/// A rollout, the facts that a policy may query, and the verdict expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// Always `Scenario`.
    pub kind: ScenarioKind,
    /// Name and description.
    pub metadata: Metadata,
    /// The module to run: the name of a bundled one, or a path to a file. The tests of a policy
    /// crate run their own policy whatever is set here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The policy's settings. Absent, those of the policy that the scenario is run with, or `{}`
    /// where it is run with a module alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// The time of the review.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "instant::optional"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub now: Option<Timestamp>,
    /// The requesting user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Whether the request is a dry run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// For a request to `/scale`, whose objects are `Scale`s: the kind of the scaled workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_of: Option<Kind>,
    /// The object as it is, or the path of a manifest relative to this file; absent on a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The object as it would become, or the path of a manifest relative to this file; absent on a
    /// delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// What existing findings are compared with: an object, the path of a manifest relative to this
    /// file, or `none` where nothing counts as existing. Absent, it is `old`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Value>,
    /// The earlier revisions of the object. An empty list means that there are none; absent means
    /// that they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions: Option<Vec<RevisionEntry>>,
    /// The answers to metrics queries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricEntry>,
    /// All objects of the cluster. An empty list is an empty cluster; absent, reads are not
    /// answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<Value>>,
    /// Reads that fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub object_errors: Vec<ObjectError>,
    /// The verdict expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// The versions of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first one.
    #[default]
    #[serde(rename = "rollgate.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScenarioKind {
    /// The only one.
    #[default]
    Scenario,
}

/// Name and description of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The name of the case, as tests report it.
    pub name: String,
    /// A longer description, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The requesting user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name that the API server authenticated.
    pub name: String,
    /// The groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// An earlier revision: a ReplicaSet or a ControllerRevision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevisionEntry {
    /// Its name.
    pub name: String,
    /// Its `metadata.creationTimestamp`.
    #[serde(deserialize_with = "instant::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created: Timestamp,
    /// Its number in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// The numbers that it had before a rollback to it. With them, the lowest number decides which
    /// of two revisions of one second came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_numbers: Option<Vec<i64>>,
    /// Whether it has Pods now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_pods: Option<bool>,
    /// The UID of the workload that owns it, where the list has revisions of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its Pod template.
    pub template: Value,
}

/// Why a scenario cannot be used. The caller adds the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The text is not YAML.
    #[error(transparent)]
    Yaml(YamlError),
    /// The text does not hold exactly one document.
    #[error("a scenario file holds one document, and this one holds {0}")]
    NotOne(usize),
    /// The document is no scenario.
    #[error(transparent)]
    Invalid(ReadError),
    /// The manifest that `old` or `new` names cannot be used.
    #[error("{location}: the manifest {}: {why}", path.display())]
    Manifest {
        /// The path of the manifest, relative to the scenario.
        path: PathBuf,
        /// Why, in words.
        why: String,
        /// The position of the path in the scenario.
        location: yaml::Location,
    },
}

impl Scenario {
    /// Creates a scenario with nothing but a name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            api_version: ApiVersion::default(),
            kind: ScenarioKind::default(),
            metadata: Metadata {
                name: name.into(),
                description: None,
            },
            policy: None,
            settings: None,
            now: None,
            user: None,
            dry_run: false,
            scale_of: None,
            old: None,
            new: None,
            baseline: None,
            revisions: None,
            metrics: Vec::new(),
            objects: None,
            object_errors: Vec::new(),
            expect: None,
        }
    }

    /// Parses a scenario without references to files.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line and column.
    pub fn parse(text: &[u8]) -> Result<Self, ScenarioError> {
        Self::from_document(document(text)?, None)
    }

    /// Reads a scenario file and the manifests that it refers to.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line and column.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read(path).map_err(ScenarioError::Unreadable)?;
        Self::from_document(document(&text)?, path.parent())
    }

    /// Returns the settings for a module that is run alone, as JSON.
    #[must_use]
    pub fn own_settings(&self) -> String {
        let settings = self.settings.as_ref();
        settings.map_or_else(|| "{}".to_owned(), Value::to_string)
    }

    /// Writes the scenario as YAML; parsing it returns an equal scenario.
    ///
    /// # Errors
    ///
    /// None that is known: everything in a scenario can be written as YAML.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        serde_saphyr::to_string(self).map_err(|error| WriteError(error.to_string()))
    }

    /// Returns the JSON Schema of the format.
    #[must_use]
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    fn from_document(mut document: Document, folder: Option<&Path>) -> Result<Self, ScenarioError> {
        for side in ["old", "new", "baseline"] {
            files::inline_manifest(&mut document, side, folder)?;
        }
        let located =
            |wrong: validate::Wrong| ScenarioError::Invalid(wrong.located(&document.spans));
        validate::lists(&document.tree).map_err(located)?;
        let scenario: Self = document.read().map_err(ScenarioError::Invalid)?;
        validate::scenario(&scenario).map_err(located)?;
        Ok(scenario)
    }
}

/// The value of `baseline` with which nothing counts as existing.
pub(crate) const NO_BASELINE: &str = "none";

/// Why a scenario cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scenario cannot be written as YAML: {0}")]
pub struct WriteError(String);

fn document(text: &[u8]) -> Result<Document, ScenarioError> {
    let documents: Result<Vec<_>, _> = yaml::read(text).into_iter().collect();
    let documents = documents.map_err(ScenarioError::Yaml)?;
    let [document] = <[_; 1]>::try_from(documents)
        .map_err(|documents| ScenarioError::NotOne(documents.len()))?;
    Ok(document)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
