//! Lets a workload take an image only after its canary has run it for some time, no worse than the
//! workload itself.

mod canary;
mod compare;
mod settings;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::status::{self, NotYet, TakenImage, WorkloadKind, WorkloadStatus};
use rollgate_sdk::{
    Change, Combined, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Verdict, clock,
    duration,
};

pub use crate::settings::Settings;

use crate::canary::{Canaries, Found};
use crate::compare::Compare;

/// The policy.
#[derive(Debug)]
pub struct CanaryFirst {
    canaries: Canaries,
    available_for: SignedDuration,
    compare: Option<Compare>,
}

impl Policy for CanaryFirst {
    type Settings = Settings;

    fn new(mut settings: Settings) -> Result<Self, SettingsError> {
        SettingsError::collect(|problems| {
            let text = settings.available_for.as_deref().unwrap_or("10m");
            let available_for = problems.at("availableFor").keep(duration::parse(text));
            let compare = match &settings.metrics {
                None => Some(None),
                Some(metrics) => Compare::parse(metrics, &mut problems.at("metrics")).map(Some),
            };
            let canaries = Canaries::parse(&mut settings, problems);
            Some(Self {
                canaries: canaries?,
                available_for: available_for?,
                compare: compare?,
            })
        })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let new = rollout.new();
        let kind = new.and_then(|new| WorkloadKind::of(&new.kind()));
        let Some((new, kind)) = new.zip(kind).filter(|_| rollout.change() != Change::Scale) else {
            return Ok(Verdict::allow());
        };
        let images = status::taken_images(rollout, new);
        if images.is_empty() {
            return Ok(Verdict::allow().with_evidence(Evidence::new("images", "unchanged")));
        }
        let canary = match self.canaries.of(new, kind)? {
            Found::Itself => {
                let evidence = Evidence::new("canary", "this workload is the canary");
                return Ok(Verdict::allow().with_evidence(evidence));
            }
            Found::None(sought) => return Ok(Verdict::hold(missing(&sought, &images[0]))),
            Found::One(canary) => canary,
        };
        let pods = status::pods_of(&canary)?;
        let now = clock::now();
        let mut combined = Combined::new();
        for taken in &images {
            let since = status::available_with(&canary, &pods, taken);
            combined.add(Ok(self.soak(&canary, taken, since, now)));
        }
        if let Some(compare) = &self.compare {
            combined.add(compare.judge(rollout, canary.name()));
        }
        combined.finish()
    }
}

impl CanaryFirst {
    /// Holds until the canary has run the image for long enough.
    fn soak(
        &self,
        canary: &WorkloadStatus,
        taken: &TakenImage,
        since: Result<Timestamp, NotYet>,
        now: Timestamp,
    ) -> Verdict {
        let wanted = duration::show(self.available_for);
        let since = match since {
            Ok(since) => since,
            Err(not_yet) => return Verdict::hold(not_run(canary, taken, &not_yet)),
        };
        let until = since.saturating_add(self.available_for).unwrap_or(since);
        let evidence = Evidence::new(format!("{canary} runs {} since", taken.image), since)
            .bound(format!("for {wanted}"));
        if now >= until {
            return Verdict::allow().with_evidence(evidence);
        }
        let found = duration::show(now.duration_since(since));
        let message = format!(
            "{canary} has run {} for {found}, and must run it for {wanted} before this workload takes it",
            taken.image
        );
        let finding = Finding::hold("canary-too-recent", &taken.path, message);
        let finding = finding.found(found).expected(wanted);
        Verdict::hold_until(until, finding).with_evidence(evidence)
    }
}

fn not_run(canary: &WorkloadStatus, taken: &TakenImage, not_yet: &NotYet) -> Finding {
    let rule = match not_yet {
        NotYet::OtherImage(_) => "canary-other-image",
        NotYet::SeveralImages(..) => "canary-several-images",
        NotYet::NotAvailable(_) => "canary-not-available",
    };
    let message = format!(
        "{canary} has not proven {} of the container `{}`: {not_yet}",
        taken.image, taken.container
    );
    Finding::hold(rule, &taken.path, message)
        .found(not_yet)
        .expected(format!(
            "all Pods of {canary} available with {}",
            taken.image
        ))
        .hint("Roll the image out to the canary first")
}

fn missing(sought: &str, taken: &TakenImage) -> Finding {
    let message = format!(
        "There is no canary that could have proven {}: rollgate looked for {sought}",
        taken.image
    );
    Finding::hold("no-canary", &taken.path, message)
        .found("no canary")
        .expected(sought)
        .hint("Create the canary, and roll the image out to it first")
}

rollgate_sdk::export!(CanaryFirst, name = "canary-first");
