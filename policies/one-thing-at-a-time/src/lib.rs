//! Compares the old and the new object, and finds rollouts that change several things at once.
//!
//! README.md lists the rule with its reasons, and the settings.

mod configuration;
mod image;
pub mod rules;
pub mod settings;
mod structure;

use rollgate_sdk::rules::{Exceptions, Problem, Report};
use rollgate_sdk::{
    Change, Failure, Findings, Kind, Policy, Rollout, SettingsError, Verdict, Workload,
};

use rules::Rule;
use settings::{Settings, Thing};

/// The policy, which consists of its settings.
pub struct OneThingAtATime {
    settings: Settings,
}

impl Policy for OneThingAtATime {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let (Some(new), Some(old)) = (rollout.new(), rollout.old()) else {
            return Ok(Verdict::allow());
        };
        // A rollback brings all of it back at once, and must not be delayed.
        if rollout.change() != Change::RollForward || new.kind() == Kind::Service {
            return Ok(Verdict::allow());
        }
        let differences = self.differences(old, new);
        let things: Vec<Thing> = differences
            .iter()
            .map(|difference| difference.thing)
            .collect();
        let mut findings = Findings::new();
        if !self.settings.allow(&things) {
            let exceptions = Exceptions::default();
            Report::new(&self.settings.rules, &exceptions, &mut findings)
                .add(Rule::SeveralThingsChanged, || several(&differences));
        }
        Ok(findings.into())
    }
}

impl OneThingAtATime {
    /// Returns the first difference in each of the things that count.
    fn differences(&self, old: &Workload, new: &Workload) -> Vec<Difference> {
        let counted = Thing::ALL
            .iter()
            .filter(|thing| self.settings.things.contains(thing));
        let differences = counted.filter_map(|&thing| {
            let (path, what) = match thing {
                Thing::Image => image::difference(old, new),
                Thing::Configuration => configuration::difference(old, new),
                Thing::Replicas => structure::replicas(old, new),
                Thing::Strategy => structure::strategy(old, new),
            }?;
            Some(Difference { thing, path, what })
        });
        differences.collect()
    }
}

/// A thing that the rollout changes.
struct Difference {
    thing: Thing,
    /// Where the new object differs first.
    path: String,
    /// What differs there, such as ``the image of `web` ``.
    what: String,
}

/// The place of a difference, and what differs there.
type Place = (String, String);

fn several(differences: &[Difference]) -> Problem {
    let join = |text: fn(&Difference) -> &str| {
        let texts: Vec<&str> = differences.iter().map(text).collect();
        texts.join(", ")
    };
    Problem {
        path: differences
            .last()
            .map(|difference| difference.path.clone())
            .unwrap_or_default(),
        message: [
            "This rollout changes ",
            &join(|difference| &difference.what),
            " at once: if the new Pods fail, nobody knows which change did it, and one cannot be \
             taken back without the others.",
        ]
        .concat(),
        found: join(|difference| difference.thing.as_str()),
        expected: "one of these in a rollout".to_owned(),
        hint:
            "Roll out one change, see that it works, then the next. What belongs together can be \
               allowed by `together`."
                .to_owned(),
    }
}

rollgate_sdk::export!(OneThingAtATime, name = "one-thing-at-a-time");
