//! Outcomes, and which of two is stricter.

use jiff::Timestamp;

use crate::Severity;

/// Whether the rollout is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed.
    Allow,
    /// It is blocked for now. It is allowed from this instant on; `None` means that no end is
    /// known.
    Hold(Option<Timestamp>),
    /// It is denied.
    Deny,
}

impl Outcome {
    /// Returns the stricter of two outcomes: a denial over a hold, a hold without an end over one with
    /// an end, a later end over an earlier one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deny, _) | (_, Self::Deny) => Self::Deny,
            (Self::Hold(one), Self::Hold(two)) => {
                Self::Hold(one.zip(two).map(|(one, two)| one.max(two)))
            }
            (hold @ Self::Hold(_), Self::Allow) | (Self::Allow, hold @ Self::Hold(_)) => hold,
            (Self::Allow, Self::Allow) => Self::Allow,
        }
    }

    /// Returns the stricter of this outcome and the one that `severity` demands.
    #[must_use]
    pub const fn at_least(self, severity: Severity) -> Self {
        match (self, severity) {
            (_, Severity::Deny) => Self::Deny,
            (Self::Allow, Severity::Hold) => Self::Hold(None),
            (outcome, _) => outcome,
        }
    }

    /// Returns `allow`, `hold` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold(_) => "hold",
            Self::Deny => "deny",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Outcome = Outcome::Hold(Some(Timestamp::UNIX_EPOCH));
    const LATE: Outcome = Outcome::Hold(Some(Timestamp::MAX));
    const ENDLESS: Outcome = Outcome::Hold(None);

    #[test]
    fn strictest_outcome_wins() {
        let cases = [
            (Outcome::Allow, Outcome::Allow, Outcome::Allow),
            (Outcome::Allow, EARLY, EARLY),
            (EARLY, LATE, LATE),
            (LATE, ENDLESS, ENDLESS),
            (ENDLESS, Outcome::Deny, Outcome::Deny),
            (Outcome::Allow, Outcome::Deny, Outcome::Deny),
        ];
        for (one, two, together) in cases {
            assert_eq!(one.and(two), together, "{one:?} and {two:?}");
            assert_eq!(two.and(one), together, "{two:?} and {one:?}");
        }
    }
}
