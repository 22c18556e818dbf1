//! Collects the findings of the rules.

use rollgate_sdk::rules::{self, Problem};
use rollgate_sdk::{Container, Findings};

use crate::rules::Rule;
use crate::settings::Settings;

/// Collects the findings in one container, with the severities of the settings.
pub(crate) struct Report<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) container: Container<'a>,
    pub(crate) findings: &'a mut Findings,
}

impl Report<'_> {
    /// Adds a finding. The closure is called only if the settings do not ignore the rule.
    pub(crate) fn add(&mut self, rule: Rule, problem: impl FnOnce() -> Problem) {
        let Settings {
            rules, exceptions, ..
        } = self.settings;
        rules::Report::new(rules, exceptions, self.findings).in_container(
            &self.container.name,
            rule,
            problem,
        );
    }
}
