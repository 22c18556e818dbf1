//! Lets a Service switch only to Pods that are available in full: all of their workload's, no fewer
//! than before, and for some time.

mod colour;
mod settings;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::status::{Progress, WorkloadStatus, equality_selector};
use rollgate_sdk::{
    Change, Evidence, Failure, Finding, Kind, Policy, Rollout, SettingsError, Verdict, Workload,
    clock, duration,
};

pub use crate::settings::Settings;

use crate::colour::Colour;

/// The policy.
#[derive(Debug)]
pub struct BlueGreen {
    available_for: SignedDuration,
}

const SELECTOR: &str = "/spec/selector";

impl Policy for BlueGreen {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let text = settings.available_for.as_deref().unwrap_or("30s");
        let available_for = duration::parse(text);
        available_for
            .map(|available_for| Self { available_for })
            .map_err(|error| SettingsError::at("/availableFor", error))
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(service) = rollout.new().filter(|new| new.kind() == Kind::Service) else {
            return Ok(Verdict::allow());
        };
        let is_new = rollout.change() == Change::Create;
        let Some(selector) = selector(service)? else {
            return Ok(if is_new {
                Verdict::allow()
            } else {
                Verdict::deny(no_selector(service))
            });
        };
        let next = Colour::read(&service.namespace(), &selector)?;
        if next.pods.is_empty() && is_new {
            // A Service is often created before its Pods; it takes no traffic from others.
            return Ok(Verdict::allow());
        }
        let mut verdict = availability(&next, &selector);
        verdict = verdict.and(self.replicas(rollout, &next)?);
        Ok(verdict.and(self.soak(&next, clock::now())))
    }
}

impl BlueGreen {
    /// Compares the ready Pods with the replicas of the workloads that the Service leaves.
    fn replicas(&self, rollout: &Rollout<'_>, next: &Colour) -> Result<Verdict, Failure> {
        let Some(old) = rollout.old() else {
            return Ok(Verdict::allow());
        };
        let Some(selector) = selector(old)? else {
            return Ok(Verdict::allow());
        };
        let mut left = Colour::read(&old.namespace(), &selector)?.workloads;
        left.retain(|workload| {
            let same = |other: &WorkloadStatus| {
                (other.kind(), other.name()) == (workload.kind(), workload.name())
            };
            !next.workloads.iter().any(same)
        });
        let before: i64 = left.iter().map(WorkloadStatus::replicas).sum();
        let ready = next.ready();
        if ready >= before {
            return Ok(Verdict::allow());
        }
        let names: Vec<_> = left.iter().map(ToString::to_string).collect();
        let message = format!(
            "The Service would switch to {ready} ready Pods, and leaves {} with {before} replicas: \
             fewer Pods would get the same traffic",
            names.join(", ")
        );
        Ok(Verdict::hold(
            Finding::hold("fewer-replicas", SELECTOR, message)
                .found(format!("{ready} ready Pods"))
                .expected(format!("at least {before}"))
                .hint("Scale the new workload up, and switch when its Pods are ready"),
        ))
    }

    /// Holds until the last Pod has been available for long enough.
    fn soak(&self, next: &Colour, now: Timestamp) -> Verdict {
        // Where a Pod is not ready, another finding says so.
        let Some(since) = next.available_since() else {
            return Verdict::allow();
        };
        let until = since.saturating_add(self.available_for).unwrap_or(since);
        let wanted = duration::show(self.available_for);
        let evidence = Evidence::new("available since", since).bound(format!("for {wanted}"));
        if now >= until {
            return Verdict::allow().with_evidence(evidence);
        }
        let found = duration::show(now.duration_since(since));
        let message = format!(
            "{} is available for {found}, and must be for {wanted} before the switch",
            names(&next.workloads)
        );
        let finding = Finding::hold("too-recent", SELECTOR, message)
            .found(found)
            .expected(wanted)
            .hint(format!("Switch from {until} on"));
        Verdict::hold_until(until, finding).with_evidence(evidence)
    }
}

/// Holds while there are no Pods, or a workload of them is not available in full.
fn availability(next: &Colour, selector: &str) -> Verdict {
    if next.pods.is_empty() {
        let message = format!(
            "No Pod has the labels {selector}: the Service would have no endpoints, and every \
             request would fail"
        );
        let finding = Finding::hold("no-pods", SELECTOR, message).found("0 Pods");
        return Verdict::hold(finding.hint("Deploy the new workload first"));
    }
    let mut verdict = Verdict::allow();
    if let Some(first) = next.strays.first() {
        let count = next.strays.len();
        let message = format!(
            "{count} of the Pods with the labels {selector} belong to no workload, such as {first}: \
             nothing replaces them when they fail"
        );
        let finding = Finding::hold("no-workload", SELECTOR, message).found(first);
        verdict = verdict.with_finding(finding.expected("Pods of a workload"));
    }
    for workload in &next.workloads {
        let progress = workload.progress();
        if progress == Progress::Complete {
            continue;
        }
        let message = format!(
            "{workload} is not available in full: {progress}. The Service would send all traffic to it"
        );
        verdict = verdict.with_finding(
            Finding::hold("not-available", SELECTOR, message)
                .found(&progress)
                .expected(format!(
                    "{} of {0} Pods updated and available",
                    workload.replicas()
                ))
                .hint(
                    "Switch when `kubectl rollout status` of the workload ends; if it does not, \
                       roll it back",
                ),
        );
    }
    verdict
}

/// Returns the selector of a Service as text; `None` where it has none.
fn selector(service: &Workload) -> Result<Option<String>, Failure> {
    let labels = service.selector();
    if labels.is_empty() {
        return Ok(None);
    }
    let pairs = labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let text = equality_selector(pairs);
    text.map(Some)
        .ok_or_else(|| Failure::unsupported("the Service's selector has what cannot be a label"))
}

fn no_selector(service: &Workload) -> Finding {
    let message = format!(
        "Service {}/{} would have no selector: nothing shows which Pods get its traffic",
        service.namespace(),
        service.name()
    );
    Finding::deny("no-selector", SELECTOR, message)
        .expected("the labels of the new Pods")
        .hint("Set spec.selector; to send traffic out of the cluster, use another Service")
}

fn names(workloads: &[WorkloadStatus]) -> String {
    let names: Vec<_> = workloads.iter().map(ToString::to_string).collect();
    names.join(", ")
}

rollgate_sdk::export!(BlueGreen, name = "blue-green");
