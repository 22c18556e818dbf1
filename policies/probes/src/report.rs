//! Where the rules put what they find.

use rollgate_sdk::{Container, Finding, Findings};

use crate::rules::Rule;
use crate::settings::Settings;

/// What a rule found, before the settings say how severe it is.
pub(crate) struct Problem {
    /// The JSON pointer of what is wrong, or of what is absent.
    pub(crate) path: String,
    /// What is wrong and why it hurts.
    pub(crate) message: String,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) hint: String,
}

/// Takes what is found in one container, as severe as the settings say.
pub(crate) struct Report<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) container: Container<'a>,
    pub(crate) findings: &'a mut Findings,
}

impl Report<'_> {
    /// Adds what a rule found. It is put into words only where the settings want to hear it.
    pub(crate) fn add(&mut self, rule: Rule, problem: impl FnOnce() -> Problem) {
        let level = self.settings.level(rule, &self.container.name);
        let Some(severity) = level.severity() else {
            return;
        };
        let Problem {
            path,
            message,
            found,
            expected,
            hint,
        } = problem();
        self.findings.push(
            Finding::new(severity, rule.id(), path, message)
                .found(found)
                .expected(expected)
                .hint(hint),
        );
    }
}
