//! Compares findings and evidence, field by field.

use std::borrow::Cow;
use std::fmt;

use super::super::expect::{ExpectedEvidence, ExpectedFinding};
use crate::{Evidence, Finding, Severity};

/// An entry in a list of expectations.
pub(super) trait Expected: fmt::Display {
    /// The type that it is compared with.
    type Actual;

    /// Whether both have the same name, whatever the other fields.
    fn names(&self, actual: &Self::Actual) -> bool;

    /// Returns the fields of both.
    fn fields<'a>(&'a self, actual: &'a Self::Actual) -> Vec<Field<'a>>;

    /// Formats what was returned, on one line.
    fn shown(actual: &Self::Actual) -> String;

    /// Whether both have the same name and all expected fields match.
    fn fits(&self, actual: &Self::Actual) -> bool {
        self.names(actual) && self.fields(actual).iter().all(Field::holds)
    }
}

/// One field of an entry.
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) expected: Option<Cow<'a, str>>,
    pub(super) found: Option<Cow<'a, str>>,
    comparison: Comparison,
}

/// How the two values of a field are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    /// The expected value is part of the returned one.
    Part,
}

impl<'a> Field<'a> {
    /// A field that must be equal, if it is expected.
    pub(super) fn equal<T: Into<Cow<'a, str>>>(
        name: &'static str,
        expected: Option<T>,
        found: Option<T>,
    ) -> Self {
        let comparison = Comparison::Equal;
        Self {
            name,
            expected: expected.map(Into::into),
            found: found.map(Into::into),
            comparison,
        }
    }

    /// A field that must contain the expected text.
    pub(super) fn part(
        name: &'static str,
        expected: Option<&'a String>,
        found: Option<&'a String>,
    ) -> Self {
        Self {
            comparison: Comparison::Part,
            ..Self::equal(name, expected, found)
        }
    }

    /// Whether the returned value matches.
    pub(super) fn holds(&self) -> bool {
        match (&self.expected, &self.found, self.comparison) {
            (None, ..) => true,
            (Some(_), None, _) => false,
            (Some(expected), Some(found), Comparison::Equal) => expected == found,
            (Some(expected), Some(found), Comparison::Part) => found.contains(expected.as_ref()),
        }
    }

    /// Describes the expected value.
    pub(super) fn wish(&self) -> Option<String> {
        let expected = self.expected.as_deref()?;
        Some(match self.comparison {
            Comparison::Equal => expected.to_owned(),
            Comparison::Part => format!("… {expected} …"),
        })
    }
}

impl Expected for ExpectedFinding {
    type Actual = Finding;

    fn names(&self, actual: &Finding) -> bool {
        self.rule == actual.rule && self.path.as_ref().is_none_or(|path| *path == actual.path)
    }

    fn fields<'a>(&'a self, actual: &'a Finding) -> Vec<Field<'a>> {
        let yes_or_no = |flag: bool| if flag { "true" } else { "false" };
        vec![
            Field::equal(
                "severity",
                self.severity.map(word),
                Some(word(actual.severity)),
            ),
            Field::equal(
                "existing",
                self.existing.map(yes_or_no),
                Some(yes_or_no(actual.existing)),
            ),
            Field::part("message", self.message.as_ref(), Some(&actual.message)),
            Field::equal("found", self.found.as_ref(), actual.found.as_ref()),
            Field::equal("expected", self.expected.as_ref(), actual.expected.as_ref()),
            Field::part("hint", self.hint.as_ref(), actual.hint.as_ref()),
        ]
    }

    fn shown(actual: &Finding) -> String {
        let Finding {
            rule,
            path,
            message,
            ..
        } = actual;
        format!(
            "finding {rule} at {} ({}): {message}",
            whole_or(path),
            word(actual.severity)
        )
    }
}

impl fmt::Display for ExpectedFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finding {}", self.rule)?;
        self.path
            .as_ref()
            .map_or(Ok(()), |path| write!(f, " at {}", whole_or(path)))
    }
}

impl Expected for ExpectedEvidence {
    type Actual = Evidence;

    fn names(&self, actual: &Evidence) -> bool {
        self.name == actual.name
    }

    fn fields<'a>(&'a self, actual: &'a Evidence) -> Vec<Field<'a>> {
        vec![
            Field::equal("value", self.value.as_ref(), Some(&actual.value)),
            Field::equal("bound", self.bound.as_ref(), actual.bound.as_ref()),
        ]
    }

    fn shown(actual: &Evidence) -> String {
        let bound = actual
            .bound
            .as_ref()
            .map(|bound| format!(" (bound {bound})"));
        format!(
            "evidence {}: {}{}",
            actual.name,
            actual.value,
            bound.unwrap_or_default()
        )
    }
}

impl fmt::Display for ExpectedEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evidence {}", self.name)
    }
}

fn whole_or(path: &str) -> &str {
    if path.is_empty() {
        "the whole object"
    } else {
        path
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Hold => "hold",
        Severity::Deny => "deny",
    }
}
