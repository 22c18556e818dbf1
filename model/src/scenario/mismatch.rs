//! Compares the result of a policy with what a scenario expects.

mod entry;

use std::fmt;

use super::expect::{self, Expectation, ExpectedOutcome};
use crate::{Change, Failure, Verdict};
use entry::{Expected, Field};

/// The result is not the one expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Every difference.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A field has another value.
    Value {
        /// The field: `outcome`, or a field of a finding.
        what: String,
        /// What the scenario expects.
        expected: String,
        /// What the policy returned.
        found: String,
    },
    /// Expected, but not returned.
    Missing(String),
    /// Returned, but not expected.
    Unexpected(String),
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy did not answer as expected")?;
        self.differences
            .iter()
            .try_for_each(|difference| write!(f, "\n{difference}"))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value {
                what,
                expected,
                found,
            } => {
                write!(f, "  {what}\n    - {expected}\n    + {found}")
            }
            Self::Missing(what) => write!(f, "  - {what}"),
            Self::Unexpected(what) => write!(f, "  + {what}"),
        }
    }
}

/// Compares a result with an expectation.
pub(super) fn compare(
    expected: &Expectation,
    change: Change,
    answer: &Result<Verdict, Failure>,
) -> Result<(), Mismatch> {
    let mut differences = Differences(Vec::new());
    if let Some(wish) = expected.change.filter(|wish| *wish != change) {
        differences.value("change", &wish, &change);
    }
    if expected.outcome != ExpectedOutcome::of(answer) {
        differences.value("outcome", &expected.outcome, &shown_outcome(answer));
    }
    match answer {
        Ok(verdict) => differences.verdict(expected, verdict),
        Err(failure) => differences.failure(expected, failure),
    }
    if differences.0.is_empty() {
        return Ok(());
    }
    Err(Mismatch {
        differences: differences.0,
    })
}

struct Differences(Vec<Difference>);

impl Differences {
    fn value(&mut self, what: &str, expected: &dyn fmt::Display, found: &dyn fmt::Display) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.0.push(Difference::Value {
            what: what.to_owned(),
            expected,
            found,
        });
    }

    fn verdict(&mut self, expected: &Expectation, verdict: &Verdict) {
        if let (Some(until), Some(found)) = (expected.until, expect::until(&verdict.outcome))
            && until != found
        {
            self.value("until", &until, &found);
        }
        if let Some(findings) = &expected.findings {
            self.list(findings, &verdict.findings);
        }
        if let Some(evidence) = &expected.evidence {
            self.list(evidence, &verdict.evidence);
        }
    }

    fn failure(&mut self, expected: &Expectation, failure: &Failure) {
        if expected.outcome != ExpectedOutcome::Failure {
            return;
        }
        for field in [
            Field::equal("code", expected.code.as_ref(), Some(&failure.code)),
            Field::part("message", expected.message.as_ref(), Some(&failure.message)),
        ] {
            self.field("failure", &field);
        }
    }

    /// Pairs what is expected with what was returned: first exact matches, then those with the same
    /// name.
    fn list<E: Expected>(&mut self, expected: &[E], actual: &[E::Actual]) {
        let mut actual: Vec<_> = actual.iter().collect();
        let mut open: Vec<_> = expected.iter().collect();
        open.retain(|expected| take(&mut actual, |actual| expected.fits(actual)).is_none());
        for expected in open {
            match take(&mut actual, |actual| expected.names(actual)) {
                None => self.0.push(Difference::Missing(expected.to_string())),
                Some(actual) => {
                    let what = expected.to_string();
                    expected
                        .fields(actual)
                        .iter()
                        .for_each(|field| self.field(&what, field));
                }
            }
        }
        self.0.extend(
            actual
                .into_iter()
                .map(|actual| Difference::Unexpected(E::shown(actual))),
        );
    }

    fn field(&mut self, of: &str, field: &Field<'_>) {
        if let (false, Some(wish)) = (field.holds(), field.wish()) {
            let found = field.found.as_deref().unwrap_or("(not set)");
            self.value(&format!("{of}: {}", field.name), &wish, &found);
        }
    }
}

fn take<'a, T>(all: &mut Vec<&'a T>, wanted: impl Fn(&T) -> bool) -> Option<&'a T> {
    let at = all.iter().position(|one| wanted(one))?;
    Some(all.remove(at))
}

fn shown_outcome(answer: &Result<Verdict, Failure>) -> String {
    match answer {
        Ok(_) => ExpectedOutcome::of(answer).to_string(),
        Err(failure) => format!("failure {}: {}", failure.code, failure.message),
    }
}
