//! Lets a workload take an image only after the same workload of another namespace has been
//! available with it for some time.

mod origin;
mod settings;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::status::{self, EarlierRun, NotYet, TakenImage, WorkloadKind, WorkloadStatus};
use rollgate_sdk::{
    Change, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Verdict, clock, duration,
};

pub use crate::settings::Settings;

use crate::origin::Origin;

/// The policy.
#[derive(Debug)]
pub struct Promotion {
    origin: Origin,
    available_for: SignedDuration,
}

impl Policy for Promotion {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        SettingsError::collect(|problems| {
            let available_for = duration::parse(&settings.available_for);
            let available_for = problems.at("availableFor").keep(available_for);
            Some(Self {
                origin: Origin::parse(&settings, problems)?,
                available_for: available_for?,
            })
        })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let new = rollout.new();
        let kind = new.and_then(|new| WorkloadKind::of(&new.kind()));
        let Some((new, kind)) = new.zip(kind).filter(|_| rollout.change() != Change::Scale) else {
            return Ok(Verdict::allow());
        };
        let Some(namespace) = self.origin.namespace(&new.namespace())? else {
            let evidence = Evidence::new("promotion", "images start in this namespace");
            return Ok(Verdict::allow().with_evidence(evidence));
        };
        let images = status::taken_images(rollout, new);
        if images.is_empty() {
            return Ok(Verdict::allow().with_evidence(Evidence::new("images", "unchanged")));
        }
        let name = self.origin.name(&new.name());
        let Some(origin) = status::workload(kind, &namespace, &name)? else {
            let sought = format!("{} {namespace}/{name}", kind.as_str());
            return Ok(Verdict::hold(missing(&sought, &images[0])));
        };
        let pods = status::pods_of(&origin)?;
        let now = clock::now();
        let soak = |taken: &TakenImage| match status::available_with(&origin, &pods, taken) {
            Ok(since) => self.soak(&origin, taken, since, now),
            Err(not_yet) => Verdict::hold(not_run(&origin, taken, &not_yet)),
        };
        Ok(images.iter().map(soak).fold(Verdict::allow(), Verdict::and))
    }
}

impl Promotion {
    /// Holds until the image has been available for long enough.
    fn soak(
        &self,
        origin: &WorkloadStatus,
        taken: &TakenImage,
        since: Timestamp,
        now: Timestamp,
    ) -> Verdict {
        let wanted = duration::show(self.available_for);
        let until = since.saturating_add(self.available_for).unwrap_or(since);
        let evidence = Evidence::new(format!("{origin} runs {} since", taken.image), since)
            .bound(format!("for {wanted}"));
        if now >= until {
            return Verdict::allow().with_evidence(evidence);
        }
        let found = duration::show(now.duration_since(since));
        let message = format!(
            "{origin} has been available with {} for {found}, and must be for {wanted}",
            taken.image
        );
        let finding = Finding::hold("too-recent", &taken.path, message);
        let finding = finding.found(found).expected(wanted);
        Verdict::hold_until(until, finding).with_evidence(evidence)
    }
}

fn not_run(origin: &WorkloadStatus, taken: &TakenImage, not_yet: &NotYet) -> Finding {
    let rule = match not_yet {
        NotYet::OtherImage(_) => "other-image",
        NotYet::SeveralImages(..) => "several-images",
        NotYet::NotAvailable(_) => "not-available",
    };
    // What cannot be read here is missing in the message alone.
    let earlier = match not_yet {
        NotYet::OtherImage(_) => status::earlier_run(origin, &taken.image).ok().flatten(),
        _ => None,
    };
    let message = format!(
        "{origin} is not available with {} of the container `{}`: {not_yet}{}",
        taken.image,
        taken.container,
        earlier.map(history).unwrap_or_default()
    );
    Finding::hold(rule, &taken.path, message)
        .found(not_yet)
        .expected(format!(
            "all Pods of {origin} available with {}",
            taken.image
        ))
        .hint("Roll the image out there first")
}

/// Describes what is known of a version that has been replaced since.
fn history(earlier: EarlierRun) -> String {
    let replaced = match earlier.replaced {
        Some(at) => format!(", and another replaced it at {at}"),
        None => String::new(),
    };
    format!(
        ". It rolled this image out first at {}{replaced}; for how long it was available then is not \
         recorded",
        earlier.created
    )
}

fn missing(sought: &str, taken: &TakenImage) -> Finding {
    let message = format!(
        "{sought} does not exist, so {} has run nowhere before",
        taken.image
    );
    Finding::hold("not-deployed", &taken.path, message)
        .found("no such object")
        .expected(sought)
        .hint("Roll the image out there first")
}

rollgate_sdk::export!(Promotion, name = "promotion");
