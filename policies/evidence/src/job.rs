//! A Job: which images it has tested, and with what result.

use std::collections::BTreeMap;
use std::fmt;

use rollgate_sdk::Failure;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::status::{self, Image, equality_selector};
use serde::Deserialize;

/// A Job of the cluster.
#[derive(Deserialize)]
pub(crate) struct Job {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    namespace: String,
    annotations: BTreeMap<String, String>,
    creation_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    suspend: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    succeeded: i64,
    completion_time: Option<Timestamp>,
    conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
    reason: String,
    message: String,
}

/// The result of a Job.
pub(crate) enum Outcome {
    /// It has completed; the time, if it is known.
    Passed(Option<Timestamp>),
    /// It has failed: why.
    Failed(String),
    /// It has not ended, or has tested nothing: why. The rule says which.
    Open(&'static str, String),
}

impl Job {
    /// Whether it has tested the image, as its annotation says.
    pub(crate) fn has_tested(&self, annotation: &str, image: &Image) -> bool {
        let images = self.metadata.annotations.get(annotation);
        let images = images.map_or("", String::as_str);
        let mut images = images.split([',', ' ', '\n', '\t']);
        images.any(|tested| !tested.is_empty() && Image::parse(tested).is_same(image))
    }

    pub(crate) const fn created(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp
    }

    /// Returns the result. Its Pods are read unless it has passed, because a Job whose image cannot
    /// be pulled only shows it there.
    ///
    /// # Errors
    /// Its Pods could not be read.
    pub(crate) fn outcome(&self) -> Result<Outcome, Failure> {
        let failed = self.condition("Failed");
        if failed.is_none() && self.condition("Complete").is_some() {
            return Ok(if self.status.succeeded > 0 {
                Outcome::Passed(self.status.completion_time)
            } else {
                let why = "has completed without a Pod that succeeded, so it has tested nothing";
                Outcome::Open("evidence-empty", why.to_owned())
            });
        }
        if let Some(image) = self.image_not_pulled()? {
            let why = format!("has not run: its own image {image} cannot be pulled");
            return Ok(Outcome::Open("evidence-not-run", why));
        }
        Ok(match failed {
            Some(condition) => {
                Outcome::Failed(format!("{}: {}", condition.reason, condition.message))
            }
            None if self.spec.suspend => {
                Outcome::Open("evidence-suspended", "is suspended".to_owned())
            }
            None => Outcome::Open("evidence-running", "has not ended yet".to_owned()),
        })
    }

    fn condition(&self, r#type: &str) -> Option<&Condition> {
        let mut conditions = self.status.conditions.iter();
        conditions.find(|condition| condition.r#type == r#type && condition.status == "True")
    }

    fn image_not_pulled(&self) -> Result<Option<String>, Failure> {
        let label = [("batch.kubernetes.io/job-name", self.metadata.name.as_str())];
        // A longer name is no label: the Job's Pods cannot be found by it.
        let Some(selector) = equality_selector(label).filter(|_| self.metadata.name.len() <= 63)
        else {
            return Ok(None);
        };
        let pods = status::live_pods(&self.metadata.namespace, &selector)?;
        Ok(pods
            .iter()
            .find_map(|pod| pod.image_not_pulled().map(str::to_owned)))
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job {}/{}", self.metadata.namespace, self.metadata.name)
    }
}
