//! Collects the findings of the rules.

use rollgate_sdk::{Container, Finding, Findings};

use crate::rules::Rule;
use crate::settings::Settings;

/// A finding without its severity, which the settings decide.
pub(crate) struct Problem {
    /// The JSON pointer of what is wrong, or of what is absent.
    pub(crate) path: String,
    /// What is wrong, and what it causes.
    pub(crate) message: String,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) hint: String,
}

/// Collects the findings in one container, with the severities of the settings.
pub(crate) struct Report<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) container: Container<'a>,
    pub(crate) findings: &'a mut Findings,
}

impl Report<'_> {
    /// Adds a finding. The closure is called only if the settings do not ignore the rule.
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
