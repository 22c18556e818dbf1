//! Builds the verdicts and their messages.

use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::{Evidence, Finding, Findings, Outcome, Verdict};

use crate::opening::{Obstacle, Opening};
use crate::schedule::{ActiveWindow, Schedule, State};
use crate::window::Window;

/// Allows the rollout; the evidence has the open windows and their ends.
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

/// Holds the rollout: the findings are the active freezes or that no window is open, with the next
/// opening.
pub(crate) fn hold(
    schedule: &Schedule,
    state: &State<'_>,
    now: Timestamp,
    opening: Opening<'_>,
) -> Result<Verdict, ZoneError> {
    let zone = &schedule.zone;
    let (hint, shown) = next(opening, schedule)?;
    let now_shown = zone.show(now)?;
    let mut findings = Findings::new();
    for freeze in &state.frozen {
        findings.push(frozen(freeze, schedule)?.found(&now_shown).hint(&*hint));
    }
    if !state.inside {
        findings.push(outside(&schedule.allow).found(&now_shown).hint(&*hint));
    }
    let mut verdict = Verdict::from(findings)
        .with_evidence(Evidence::new("now", now_shown).at(now))
        .with_evidence(Evidence::new("next opening", shown));
    verdict.outcome = Outcome::Hold(match opening {
        Opening::At(at) => Some(at),
        Opening::Never(_) | Opening::NotBefore(_) => None,
    });
    Ok(verdict)
}

fn frozen(freeze: &ActiveWindow<'_>, schedule: &Schedule) -> Result<Finding, ZoneError> {
    let state = match freeze.occurrence.end {
        None => "Rollouts are frozen with no end set".to_owned(),
        Some(end) => {
            let shown = schedule.zone.show(end)?;
            if schedule.is_frozen(end)? {
                // As `until`, this instant would promise an end, but rollouts are still frozen
                // then.
                format!("Rollouts are frozen: this freeze ends {shown}, and another is active then")
            } else {
                format!("Rollouts are frozen until {shown}")
            }
        }
    };
    let reason = freeze.window.reason().map(|reason| format!(": {reason}"));
    let message = format!("{state}{}", reason.unwrap_or_default());
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

/// Returns the next opening as a hint, and as evidence.
fn next(opening: Opening<'_>, schedule: &Schedule) -> Result<(String, String), ZoneError> {
    let zone = &schedule.zone;
    Ok(match opening {
        Opening::At(at) => {
            let shown = zone.show(at)?;
            (format!("Try again from {shown} ({at})"), shown)
        }
        Opening::Never(obstacle) => (never(obstacle), "never".to_owned()),
        Opening::NotBefore(at) => {
            let shown = zone.show(at)?;
            let none = if schedule.allow.is_empty() {
                "The freezes do not end"
            } else {
                "No window for rollouts opens"
            };
            (
                format!(
                    "{none} before {shown}, where the search ended: the freezes may leave no \
                     time for rollouts; ask the owner of this schedule"
                ),
                format!("not before {shown}"),
            )
        }
    })
}

/// Explains what the owner of the schedule must change.
fn never(obstacle: Obstacle<'_>) -> String {
    let what = match obstacle {
        Obstacle::EndlessFreeze(label) => {
            return format!(
                "The freeze {label} has no end: the owner of this schedule must end it"
            );
        }
        Obstacle::FreezesFollowEachOther => {
            "The freezes leave no time between them: the owner of this schedule must shorten or \
             end one"
        }
        Obstacle::NoWindowLeft => {
            "There is no further window for rollouts: the owner of this schedule must add one"
        }
        Obstacle::WindowsFrozen => {
            "Every window for rollouts lies inside a freeze: the owner of this schedule must \
             move one of them"
        }
    };
    what.to_owned()
}
