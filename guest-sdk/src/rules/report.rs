//! Collects what the rules find.

use super::{Exceptions, Level, Levels, Rules};
use crate::{Finding, Findings, Severity};

/// A finding without its severity, which the settings decide.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The JSON pointer of what is wrong, or of what is absent.
    pub path: String,
    /// What is wrong, and what it causes.
    pub message: String,
    /// The value that was found. Never a secret.
    pub found: String,
    /// The value that was expected.
    pub expected: String,
    /// How to fix it.
    pub hint: String,
}

/// Adds what rules find to findings, with the severities of the settings.
pub struct Report<'a, R> {
    levels: &'a Levels<R>,
    exceptions: &'a Exceptions<R>,
    findings: &'a mut Findings,
}

impl<'a, R: Rules> Report<'a, R> {
    /// Creates a report that adds to `findings`.
    pub const fn new(
        levels: &'a Levels<R>,
        exceptions: &'a Exceptions<R>,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            levels,
            exceptions,
            findings,
        }
    }

    /// Whether the rule is applied to the container with this name. Ask before work that only
    /// this rule needs.
    #[must_use]
    pub fn applies(&self, rule: R, container: &str) -> bool {
        self.levels.of(rule) != Level::Ignore && !self.exceptions.cover(rule, container)
    }

    /// Adds a finding in a container. The closure is called only if the rule is applied to it.
    pub fn in_container(&mut self, container: &str, rule: R, problem: impl FnOnce() -> Problem) {
        if self.applies(rule, container) {
            self.add(rule, problem);
        }
    }

    /// Adds a finding in the workload as a whole, to which no exception applies. The closure is
    /// called only if the settings do not ignore the rule.
    pub fn add(&mut self, rule: R, problem: impl FnOnce() -> Problem) {
        if let Some(severity) = self.levels.of(rule).severity() {
            push(self.findings, severity, rule.id(), problem());
        }
    }
}

/// Adds a finding. Not inlined, since every rule calls it.
#[inline(never)]
fn push(findings: &mut Findings, severity: Severity, rule: &'static str, problem: Problem) {
    let Problem {
        path,
        message,
        found,
        expected,
        hint,
    } = problem;
    findings.push(Finding {
        found: Some(found),
        expected: Some(expected),
        hint: Some(hint),
        ..Finding::new(severity, rule, path, message)
    });
}
