//! A Job: which images it has tested, and with what result.

use std::fmt;

use rollgate_sdk::Failure;
use rollgate_sdk::cluster::ClusterError;
use rollgate_sdk::fields::{self, Fields, value_of};
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::status::{self, Image, equality_selector};

/// A Job of the cluster.
pub(crate) struct Job {
    name: String,
    namespace: String,
    annotations: Vec<(String, String)>,
    created: Option<Timestamp>,
    is_suspended: bool,
    succeeded: i64,
    completed: Option<Timestamp>,
    is_complete: bool,
    /// Why it has failed, if it has.
    failed: Option<String>,
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
    /// Lists the Jobs with these labels.
    ///
    /// # Errors
    /// The read failed.
    pub(crate) fn list(namespace: &str, selector: &str) -> Result<Vec<Self>, ClusterError> {
        fields::list_fresh("batch/v1", "Job", namespace, selector, Self::of)
    }

    fn of(job: Fields<'_>) -> Self {
        let (metadata, status) = (job.at("metadata"), job.at("status"));
        let condition = |r#type: &str| {
            status.at("conditions").items().find(|condition| {
                condition.at("type").text() == r#type && condition.at("status").text() == "True"
            })
        };
        let failed = condition("Failed").map(|condition| {
            let part = |key| condition.at(key).text();
            [part("reason"), ": ", part("message")].concat()
        });
        Self {
            name: metadata.at("name").text().to_owned(),
            namespace: metadata.at("namespace").text().to_owned(),
            annotations: metadata.at("annotations").pairs(),
            created: metadata.at("creationTimestamp").time(),
            is_suspended: job.at("spec").at("suspend").is_true(),
            succeeded: status.at("succeeded").number().unwrap_or_default(),
            completed: status.at("completionTime").time(),
            is_complete: condition("Complete").is_some(),
            failed,
        }
    }

    /// Whether it has tested the image, as its annotation says.
    pub(crate) fn has_tested(&self, annotation: &str, image: &Image) -> bool {
        let images = value_of(&self.annotations, annotation).unwrap_or_default();
        let mut images = images.split([',', ' ', '\n', '\t']);
        images.any(|tested| !tested.is_empty() && Image::parse(tested).is_same(image))
    }

    pub(crate) const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// Returns the result. Its Pods are read unless it has passed, because a Job whose image cannot
    /// be pulled only shows it there.
    ///
    /// # Errors
    /// Its Pods could not be read.
    pub(crate) fn outcome(&self) -> Result<Outcome, Failure> {
        if self.failed.is_none() && self.is_complete {
            return Ok(if self.succeeded > 0 {
                Outcome::Passed(self.completed)
            } else {
                let why = "has completed without a Pod that succeeded, so it has tested nothing";
                Outcome::Open("evidence-empty", why.to_owned())
            });
        }
        if let Some(image) = self.image_not_pulled()? {
            let why = format!("has not run: its own image {image} cannot be pulled");
            return Ok(Outcome::Open("evidence-not-run", why));
        }
        Ok(match &self.failed {
            Some(why) => Outcome::Failed(why.clone()),
            None if self.is_suspended => {
                Outcome::Open("evidence-suspended", "is suspended".to_owned())
            }
            None => Outcome::Open("evidence-running", "has not ended yet".to_owned()),
        })
    }

    fn image_not_pulled(&self) -> Result<Option<String>, Failure> {
        let label = [("batch.kubernetes.io/job-name", self.name.as_str())];
        // A longer name is no label: the Job's Pods cannot be found by it.
        let Some(selector) = equality_selector(label).filter(|_| self.name.len() <= 63) else {
            return Ok(None);
        };
        let pods = status::live_pods(&self.namespace, &selector)?;
        Ok(pods
            .iter()
            .find_map(|pod| pod.image_not_pulled().map(str::to_owned)))
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job {}/{}", self.namespace, self.name)
    }
}
