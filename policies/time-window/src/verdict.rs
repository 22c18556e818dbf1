//! What people are told.

use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::time::Zone;
use rollgate_sdk::{Evidence, Finding, Findings, Outcome, Verdict};

use crate::opening::Opening;
use crate::schedule::{Schedule, Standing, State};
use crate::window::Window;

/// It may go: the windows that are open, and until when.
pub(crate) fn allow(
    schedule: &Schedule,
    state: &State<'_>,
    now: Timestamp,
) -> Result<Verdict, ZoneError> {
    let mut verdict = Verdict::allow();
    for open in &state.open {
        let mut evidence = Evidence::new("open window", describe(open.window)).at(now);
        if let Some(end) = open.occurrence.end {
            evidence = evidence.bound(format!("until {}", schedule.zone.show(end)?));
        }
        verdict = verdict.with_evidence(evidence);
    }
    Ok(verdict)
}

/// Not now: each freeze in force, that no window is open, and when one will be.
pub(crate) fn hold(
    schedule: &Schedule,
    state: &State<'_>,
    now: Timestamp,
    opening: Opening,
) -> Result<Verdict, ZoneError> {
    let zone = &schedule.zone;
    let (hint, shown) = next(opening, zone)?;
    let now_shown = zone.show(now)?;
    let mut findings = Findings::new();
    for freeze in &state.frozen {
        findings.push(frozen(freeze, zone)?.found(&now_shown).hint(&*hint));
    }
    if !state.inside {
        findings.push(outside(&schedule.allow).found(&now_shown).hint(&*hint));
    }
    let mut verdict = Verdict::from(findings)
        .with_evidence(Evidence::new("now", now_shown).at(now))
        .with_evidence(Evidence::new("next opening", shown));
    verdict.outcome = Outcome::Hold(match opening {
        Opening::At(at) => Some(at),
        Opening::Never | Opening::NotBefore(_) => None,
    });
    Ok(verdict)
}

fn frozen(freeze: &Standing<'_>, zone: &Zone) -> Result<Finding, ZoneError> {
    let until = match freeze.occurrence.end {
        Some(end) => format!("until {}", zone.show(end)?),
        None => "with no end set".to_owned(),
    };
    let reason = freeze.window.reason().map(|reason| format!(": {reason}"));
    let message = format!("Rollouts are frozen {until}{}", reason.unwrap_or_default());
    Ok(Finding::hold("frozen", "", message).expected(format!(
        "a time outside the freeze {}",
        freeze.window.label()
    )))
}

fn outside(allow: &[Window]) -> Finding {
    let windows: Vec<_> = allow.iter().map(describe).collect();
    Finding::hold("outside-windows", "", "No window for rollouts is open now")
        .expected(format!("a time inside {}", windows.join(" or ")))
}

fn describe(window: &Window) -> String {
    match window.reason() {
        Some(reason) => format!("{} ({reason})", window.label()),
        None => window.label().to_owned(),
    }
}

/// The next opening as a hint, and as a fact.
fn next(opening: Opening, zone: &Zone) -> Result<(String, String), ZoneError> {
    Ok(match opening {
        Opening::At(at) => {
            let shown = zone.show(at)?;
            (format!("Try again from {shown} ({at})"), shown)
        }
        Opening::Never => (
            "No window for rollouts follows: whoever owns this schedule has to add one".to_owned(),
            "never".to_owned(),
        ),
        Opening::NotBefore(at) => {
            let shown = zone.show(at)?;
            (
                format!(
                    "No window for rollouts opens before {shown}, which is as far as was looked: \
                     the freezes may leave none; ask whoever owns this schedule"
                ),
                format!("not before {shown}"),
            )
        }
    })
}
