//! A policy that does what no policy should; the settings choose what.

use std::hint::black_box;

use rollgate_sdk::{
    Failure, Finding, Outcome, Policy, Rollout, SettingsError, Verdict, clock, log, metrics,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What to do, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    deed: Deed,
}

/// A misdeed.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Deed {
    Loop,
    MemoryBomb,
    DeepRecursion,
    Trap,
    Panic,
    HugeOutput,
    LogFlood,
    ManyQueries,
    SlowQuery,
    SecretRead,
    AllowsWhatItDenies,
    AllowsWhatItHolds,
    HoldsWhatItDenies,
    DeniesWithoutReason,
    HoldsWithoutReason,
    PointsNowhere,
    SaysNothing,
    NamesNoRule,
    MetricInConfigure,
    ClockInConfigure,
    LoopInConfigure,
    PanicInConfigure,
    RefusesItsSettings,
}

/// The policy.
pub struct Misbehaving(Deed);

rollgate_sdk::export!(Misbehaving);

impl Policy for Misbehaving {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        match settings.deed {
            Deed::MetricInConfigure => drop(metrics::query("prod", "up")),
            Deed::ClockInConfigure => drop(black_box(clock::now())),
            Deed::LoopInConfigure => spin(),
            Deed::PanicInConfigure => panic!("this policy never starts"),
            Deed::RefusesItsSettings => {
                return Err(SettingsError::at("/deed", "is nothing to be proud of"));
            }
            _ => {}
        }
        Ok(Self(settings.deed))
    }

    fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
        match self.0 {
            Deed::Loop => spin(),
            Deed::MemoryBomb => bomb(),
            Deed::DeepRecursion => drop(black_box(descend(0))),
            Deed::Trap => trap(),
            Deed::Panic => panic!("index {} out of\nbounds\u{1b}[31m", 7),
            Deed::HugeOutput => return Ok(Verdict::deny(huge())),
            Deed::LogFlood => (0..1_000_000).for_each(|line| log::error(&format!("line {line}"))),
            Deed::ManyQueries => (0..10_000).for_each(|_| drop(metrics::query("prod", "up"))),
            Deed::SlowQuery => drop(metrics::query("prod", "slow")?),
            Deed::SecretRead => drop(
                rollgate_sdk::cluster::get::<rollgate_sdk::serde_json::Value>(
                    "v1",
                    "Secret",
                    "kube-system",
                    "root",
                )?,
            ),
            deed => return Ok(contradiction(deed)),
        }
        Ok(Verdict::allow())
    }
}

/// Returns verdicts that the builders of the SDK cannot create.
fn contradiction(deed: Deed) -> Verdict {
    let denied = Finding::deny("too-bold", "/spec", "It is denied");
    let held = Finding::hold("too-early", "/spec", "It is held");
    let (outcome, findings) = match deed {
        Deed::AllowsWhatItDenies => (Outcome::Allow, vec![denied]),
        Deed::AllowsWhatItHolds => (Outcome::Allow, vec![held]),
        Deed::HoldsWhatItDenies => (Outcome::Hold(None), vec![held, denied]),
        Deed::DeniesWithoutReason => (Outcome::Deny, vec![]),
        Deed::HoldsWithoutReason => (Outcome::Hold(None), vec![]),
        Deed::PointsNowhere => {
            let path = "spec/replicas".to_owned();
            (Outcome::Deny, vec![Finding { path, ..denied }])
        }
        Deed::SaysNothing => {
            let message = " \n".to_owned();
            (Outcome::Deny, vec![Finding { message, ..denied }])
        }
        Deed::NamesNoRule => {
            let rule = "Not A Rule!".to_owned();
            (Outcome::Deny, vec![Finding { rule, ..denied }])
        }
        _ => (Outcome::Allow, vec![]),
    };
    Verdict {
        outcome,
        findings,
        evidence: vec![],
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn bomb() {
    let mut pieces = Vec::new();
    loop {
        pieces.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == u64::MAX {
        0
    } else {
        descend(depth + 1) + frame[0]
    }
}

fn huge() -> Finding {
    Finding::deny("huge", "", "x".repeat(100 << 20))
}

#[cfg(target_arch = "wasm32")]
fn trap() {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() {
    std::process::abort()
}
