//! The report of a check: the workloads, and their numbers.

use jiff::Timestamp;
use serde::Serialize;

use super::super::Exit;
use super::evaluate::{Checked, Status};
use super::objects::NotSeen;
use crate::config::{PolicyName, Problem};

/// The report of a check.
pub(super) struct Report {
    pub(super) now: Timestamp,
    pub(super) checked: Vec<Checked>,
    pub(super) others: usize,
    /// What could not be read: manifests and policies.
    pub(super) problems: Vec<Problem>,
    /// Possible mistakes that change no result.
    pub(super) warnings: Vec<Problem>,
    pub(super) unmatched: Vec<PolicyName>,
    /// Kinds that policies asked for, and that are not among the manifests.
    pub(super) not_seen: Vec<NotSeen>,
}

/// The numbers of workloads by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Workloads in all.
    pub(super) workloads: usize,
    /// Workloads that may roll.
    pub(super) may_go: usize,
    /// Workloads whose change is no rollout.
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
            *match checked.status() {
                Status::NoRollout => &mut summary.no_rollout,
                Status::MayGo => &mut summary.may_go,
                Status::Held => &mut summary.held,
                Status::NotJudged => &mut summary.not_judged,
                Status::Denied => &mut summary.denied,
            } += 1;
        }
        summary
    }

    pub(super) fn exit(&self) -> Exit {
        if !self.problems.is_empty() || self.checked.iter().any(Checked::lacks_a_verdict) {
            return Exit::Error;
        }
        let summary = self.summary();
        if summary.denied + summary.held > 0 {
            Exit::Failure
        } else {
            Exit::Success
        }
    }
}
