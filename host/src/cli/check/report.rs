//! All that a check found, and what it adds up to.

use jiff::Timestamp;
use serde::Serialize;

use super::super::Exit;
use super::judge::{Checked, Standing};
use crate::config::{PolicyName, Problem};

/// All that a check found.
pub(super) struct Report {
    pub(super) now: Timestamp,
    pub(super) checked: Vec<Checked>,
    pub(super) others: usize,
    /// What could not be read: manifests and policies.
    pub(super) problems: Vec<Problem>,
    /// What may not be what the user meant, and changes no verdict.
    pub(super) warnings: Vec<Problem>,
    pub(super) unmatched: Vec<PolicyName>,
}

/// How many workloads stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Workloads in all.
    pub(super) workloads: usize,
    /// Those that may go.
    pub(super) may_go: usize,
    /// Those that `--old` shows to be no rollout.
    pub(super) no_rollout: usize,
    pub(super) denied: usize,
    pub(super) held: usize,
    /// Those of which a policy that counts could not be evaluated.
    pub(super) not_judged: usize,
    /// Objects of other kinds.
    pub(super) other_objects: usize,
    /// Things that could not be read.
    pub(super) problems: usize,
}

impl Report {
    pub(super) fn summary(&self) -> Summary {
        let mut summary = Summary {
            workloads: self.checked.len(),
            other_objects: self.others,
            problems: self.problems.len(),
            ..Summary::default()
        };
        for checked in &self.checked {
            *match checked.standing() {
                Standing::NoRollout => &mut summary.no_rollout,
                Standing::MayGo => &mut summary.may_go,
                Standing::Held => &mut summary.held,
                Standing::NotJudged => &mut summary.not_judged,
                Standing::Denied => &mut summary.denied,
            } += 1;
        }
        summary
    }

    pub(super) fn exit(&self) -> Exit {
        if !self.problems.is_empty() || self.checked.iter().any(Checked::lacks_a_verdict) {
            return Exit::Incomplete;
        }
        let summary = self.summary();
        if summary.denied + summary.held > 0 {
            Exit::Found
        } else {
            Exit::Passed
        }
    }
}
