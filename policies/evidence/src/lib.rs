//! Lets a workload take an image only after a Job has tested it: a smoke test, a load test, or any
//! other program that ends with success or failure.

mod job;
mod settings;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::status::{self, TakenImage, WorkloadKind, equality_selector};
use rollgate_sdk::{
    Change, Combined, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Verdict,
    Workload, clock, duration,
};

pub use crate::settings::{OwnNamespace, Settings};

use crate::job::{Job, Outcome};

/// The policy.
#[derive(Debug)]
pub struct EvidencePolicy {
    /// The namespace of the Jobs; `None` means that of the workload.
    namespace: Option<String>,
    own_namespace: OwnNamespace,
    workload_label: String,
    namespace_label: String,
    images_annotation: String,
    max_age: Option<SignedDuration>,
}

impl Policy for EvidencePolicy {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.namespace.as_deref().unwrap_or_default().is_empty()
            && settings.own_namespace == OwnNamespace::Refuse
        {
            return Err(SettingsError::at(
                "/namespace",
                "is missing: name the namespace of the Jobs; or set `ownNamespace: accept`, if those who \
                 roll out may attest their own images",
            ));
        }
        let max_age = settings.max_age.as_deref().map(duration::parse).transpose();
        let max_age = max_age.map_err(|error| SettingsError::at("/maxAge", error))?;
        let key =
            |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
        Ok(Self {
            namespace: settings.namespace.filter(|namespace| !namespace.is_empty()),
            own_namespace: settings.own_namespace,
            workload_label: key(settings.workload_label, "rollgate.dev/workload"),
            namespace_label: key(settings.namespace_label, "rollgate.dev/namespace"),
            images_annotation: key(settings.images_annotation, "rollgate.dev/images"),
            max_age,
        })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let new = rollout.new();
        let kind = new.and_then(|new| WorkloadKind::of(&new.kind()));
        let Some((new, _)) = new.zip(kind).filter(|_| rollout.change() != Change::Scale) else {
            return Ok(Verdict::allow());
        };
        let images = status::taken_images(rollout, new);
        if images.is_empty() {
            return Ok(Verdict::allow().with_evidence(Evidence::new("images", "unchanged")));
        }
        let own = new.namespace();
        let namespace = self.namespace.as_deref().unwrap_or(&own);
        if namespace == own && self.own_namespace == OwnNamespace::Refuse {
            return Ok(Verdict::deny(own_namespace(&own)));
        }
        let selector = self.selector(new)?;
        let jobs = Job::list(namespace, &selector)?;
        let now = clock::now();
        let mut combined = Combined::new();
        for taken in &images {
            combined.add(self.judge(taken, &jobs, namespace, &selector, now));
        }
        combined.finish()
    }
}

impl EvidencePolicy {
    /// Returns the selector of the Jobs for a workload.
    fn selector(&self, workload: &Workload) -> Result<String, Failure> {
        let (name, namespace) = (workload.name(), workload.namespace());
        if name.len() > 63 {
            return Err(Failure::unsupported(format!(
                "the name {name} is too long for a label, so no Job can name this workload"
            )));
        }
        equality_selector([
            (self.workload_label.as_str(), name.as_str()),
            (self.namespace_label.as_str(), namespace.as_str()),
        ])
        .ok_or_else(|| Failure::unsupported("the name of the workload cannot be a label"))
    }

    /// Judges by the newest Job that has tested the image.
    fn judge(
        &self,
        taken: &TakenImage,
        jobs: &[Job],
        namespace: &str,
        selector: &str,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let image = &taken.image;
        let tested = jobs
            .iter()
            .filter(|job| job.has_tested(&self.images_annotation, image));
        let newest = tested.clone().filter_map(Job::created).max();
        // Several of the same second all count.
        let newest: Vec<_> = tested.filter(|job| job.created() == newest).collect();
        if newest.is_empty() {
            let message = format!(
                "No Job in the namespace {namespace} has tested {image} of the container `{}`",
                taken.container
            );
            let expected = format!(
                "a Job with the labels {selector} and the image in the annotation {}",
                self.images_annotation
            );
            let finding = Finding::hold("evidence-missing", &taken.path, message);
            return Ok(Verdict::hold(finding.found("no Job").expected(expected)));
        }
        let mut verdict = Verdict::allow();
        for job in newest {
            verdict = verdict.and(self.of_job(job, taken, now)?);
        }
        Ok(verdict)
    }

    fn of_job(&self, job: &Job, taken: &TakenImage, now: Timestamp) -> Result<Verdict, Failure> {
        let image = &taken.image;
        let finding = match job.outcome()? {
            Outcome::Failed(why) => {
                let message = format!("{job}, which tests {image}, has failed: {why}");
                Finding::deny("evidence-failed", &taken.path, message)
                    .found("failed")
                    .hint("Repair the image; if the test was wrong, run a new Job for this image")
            }
            Outcome::Open(rule, why) => {
                let message = format!("{job}, which tests {image}, {why}");
                Finding::hold(rule, &taken.path, message).found(why)
            }
            Outcome::Passed(at) => match self.too_old(at, now) {
                None => {
                    let evidence = Evidence::new(job.to_string(), format!("has tested {image}"));
                    let evidence = at.map_or(evidence.clone(), |at| evidence.at(at));
                    return Ok(Verdict::allow().with_evidence(evidence));
                }
                Some((found, wanted)) => {
                    let message = format!(
                        "{job} tested {image} {found} ago, and the result counts for {wanted}"
                    );
                    Finding::hold("evidence-expired", &taken.path, message)
                        .found(found)
                        .expected(format!("at most {wanted}"))
                        .hint("Run a new Job for this image")
                }
            },
        };
        let verdict = Verdict::allow().with_finding(finding);
        Ok(verdict)
    }

    /// Returns the age and the limit, if the result is too old or its time is not known.
    fn too_old(&self, at: Option<Timestamp>, now: Timestamp) -> Option<(String, String)> {
        let limit = self.max_age?;
        let age = at.map(|at| now.duration_since(at));
        if age.is_some_and(|age| age <= limit) {
            return None;
        }
        let age = age.map_or_else(|| "at an unknown time long".to_owned(), duration::show);
        Some((age, duration::show(limit)))
    }
}

fn own_namespace(namespace: &str) -> Finding {
    let message = format!(
        "The Jobs that count are in the namespace {namespace}, where this workload is too: who rolls \
         out here could attest the own image"
    );
    Finding::deny("own-namespace", "/metadata/namespace", message)
        .found(namespace)
        .expected("a namespace of its own for the Jobs")
        .hint("Set `namespace` of the policy to another one, or `ownNamespace: accept`")
}

rollgate_sdk::export!(EvidencePolicy, name = "evidence");
