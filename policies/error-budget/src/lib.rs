//! Holds rollouts while a service burns its error budget, by several windows and burn rates; and lets
//! a roll-forward pass where the running version is what burns.

mod fix;
mod parse;
mod settings;
mod slo;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::subject::Subject;
use rollgate_sdk::{
    Combined, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Severity, Verdict,
};

pub use crate::settings::Settings;

use crate::fix::Fix;
use crate::slo::{Asked, Burn, Slo, Windows};

/// The policy: its objectives, in the order of the settings.
#[derive(Debug)]
pub struct ErrorBudget {
    source: String,
    slos: Vec<Slo>,
    /// How long after its rollout the running version may be the cause; `None` means never.
    fix_forward: Option<SignedDuration>,
}

impl Policy for ErrorBudget {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        SettingsError::collect(|problems| {
            let fix_forward = parse::fix_forward(settings.fix_forward.as_deref(), problems);
            let slos = parse::slos(&settings, problems);
            Some(Self {
                slos: slos?,
                fix_forward: fix_forward?,
                source: settings.source,
            })
        })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(subject) = Subject::of(rollout) else {
            return Err(Failure::unsupported(
                "the rollout has neither an old nor a new object",
            ));
        };
        let asked = Asked {
            subject: &subject,
            source: &self.source,
        };
        let mut combined = Combined::new();
        let mut burning = Vec::new();
        for slo in &self.slos {
            for windows in &slo.windows {
                match windows.burn(&asked, None)? {
                    Burn::Burning { long, short } => {
                        let evidence = windows.evidence(long);
                        combined.add(Ok(Verdict::allow().with_evidence(evidence)));
                        let finding = windows.finding(slo.budget, long, short);
                        burning.push((windows, finding));
                    }
                    Burn::Calm { long } => {
                        let evidence = windows.evidence(long);
                        combined.add(Ok(Verdict::allow().with_evidence(evidence)));
                    }
                    Burn::Unknown(answer) => combined.add(answer),
                }
            }
        }
        if !burning.is_empty() {
            combined.add(self.judge(rollout, &asked, burning));
        }
        combined.finish()
    }
}

impl ErrorBudget {
    /// Holds while the budget burns, unless the running version is the cause of all of it.
    fn judge(
        &self,
        rollout: &Rollout<'_>,
        asked: &Asked<'_>,
        burning: Vec<(&Windows, Finding)>,
    ) -> Result<Verdict, Failure> {
        let reason = match fix::of(rollout, self.fix_forward) {
            Fix::No(reason) => reason,
            Fix::Since(at) => {
                let mut calm_before = true;
                for (windows, _) in &burning {
                    let before = windows.burn(asked, Some(at))?;
                    calm_before &= matches!(before, Burn::Calm { .. });
                }
                if calm_before {
                    let value = format!(
                        "the budget burns only since the rollout of the running version, at {at}"
                    );
                    let evidence = Evidence::new("fix-forward", value).at(at);
                    let passed = Verdict::allow().with_evidence(evidence);
                    return Ok(burning.into_iter().fold(passed, |verdict, (_, finding)| {
                        verdict.with_finding(as_warning(finding, at))
                    }));
                }
                format!(
                    "the budget did not burn only since the running version was rolled out, at {at}"
                )
            }
        };
        let held = burning.into_iter().map(|(_, finding)| {
            let hint = finding.hint.clone().unwrap_or_default();
            finding.hint(format!("{hint}. This is not taken for a fix: {reason}"))
        });
        Ok(held.fold(Verdict::allow(), Verdict::with_finding))
    }
}

/// Makes a finding a warning that says why the rollout passes.
fn as_warning(finding: Finding, at: Timestamp) -> Finding {
    Finding {
        severity: finding.severity.min(Severity::Warn),
        hint: Some(format!(
            "It passes as a fix, because the budget burns only since the running version was rolled \
             out, at {at}"
        )),
        ..finding
    }
}

rollgate_sdk::export!(ErrorBudget, name = "error-budget");
