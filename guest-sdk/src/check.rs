//! Static checks of one workload, a simpler form of policy.

use crate::neighbours::Neighbours;
use crate::pointer;
use crate::{
    Failure, Finding, Findings, Policy, Rollout, SettingsError, Severity, Verdict, Workload,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A check that looks at one workload at a time. Each one is a [`Policy`]: the SDK runs it on the
/// new object and, only where that has findings, on the old one and the
/// [baseline](Rollout::baseline).
///
/// Findings that the old object and the baseline have too are *existing*. By default they become
/// warnings, so that a team with an imperfect workload can still ship a fix. The old object and the
/// baseline differ after a rollback: neither the faults that it brought back nor those that it
/// removed excuse the next change. A finding is existing where each of the two has one with the
/// same rule, in the same place, that found the same. Places are compared by the names of
/// containers and other named list entries, so that reordering a list introduces nothing.
pub trait WorkloadCheck: Sized {
    /// See [`Policy::Settings`].
    type Settings: DeserializeOwned + JsonSchema;

    /// Builds the check; see [`Policy::new`].
    ///
    /// # Errors
    /// What is wrong with the settings.
    fn new(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// Checks one workload and adds what it finds to `findings`.
    fn check(&self, workload: &Workload, findings: &mut Findings);

    /// Checks one workload beside other objects, such as the Services that select its Pods, and adds
    /// what it finds to `findings`. The SDK calls it after [`check`](Self::check), with the same
    /// neighbours for the new and the old object. What could not be seen becomes evidence of the
    /// verdict.
    ///
    /// # Errors
    /// Something could not be read; the operator's `onError` then decides.
    fn check_neighbours(
        &self,
        workload: &Workload,
        neighbours: &Neighbours,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let _ = (workload, neighbours, findings);
        Ok(())
    }

    /// Returns how existing findings count. Return a setting where operators shall choose.
    fn existing(&self) -> Existing {
        Existing::Warn
    }
}

/// How findings count that the workload had before the change. Can be part of settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "How findings count that existed before the change.")]
pub enum Existing {
    /// They become warnings: the rollout makes nothing worse.
    #[default]
    Warn,
    /// They count like new ones.
    Deny,
    /// They are left out.
    Ignore,
}

impl<C: WorkloadCheck> Policy for C {
    type Settings = C::Settings;

    fn new(settings: Self::Settings) -> Result<Self, SettingsError> {
        <C as WorkloadCheck>::new(settings)
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(new) = rollout.new() else {
            return Ok(Verdict::allow());
        };
        let neighbours = Neighbours::of(new).with_old(rollout.old());
        let findings = findings_of(self, new, &neighbours)?;
        let verdict = if findings.is_empty() {
            Verdict::allow()
        } else {
            compared(self, rollout, new, &neighbours, findings)?.into()
        };
        Ok(verdict.with_all_evidence(neighbours.not_seen()))
    }
}

/// Marks and weighs the findings that the workload had before the change.
fn compared(
    check: &impl WorkloadCheck,
    rollout: &Rollout<'_>,
    new: &Workload,
    neighbours: &Neighbours,
    findings: Findings,
) -> Result<Findings, Failure> {
    let Some((old, baseline)) = rollout.old().zip(rollout.baseline()) else {
        return Ok(findings);
    };
    let of_old = findings_of(check, old, neighbours)?;
    let in_old = mark_existing(findings.clone(), new, &of_old, old);
    let of_baseline = findings_of(check, baseline, neighbours)?;
    let in_baseline = mark_existing(findings, new, &of_baseline, baseline);
    Ok(weigh(check.existing(), in_both(in_old, in_baseline)))
}

/// Returns the first findings, existing where they are existing in both.
fn in_both(one: Findings, other: Findings) -> Findings {
    let both = one.into_iter().zip(other).map(|(one, other)| Finding {
        existing: one.existing && other.existing,
        ..one
    });
    both.collect::<Vec<_>>().into()
}

fn findings_of(
    check: &impl WorkloadCheck,
    workload: &Workload,
    neighbours: &Neighbours,
) -> Result<Findings, Failure> {
    let mut findings = Findings::new();
    check.check(workload, &mut findings);
    check.check_neighbours(workload, neighbours, &mut findings)?;
    Ok(findings)
}

/// Applies `existing` to the severities of existing findings.
fn weigh(existing: Existing, findings: Findings) -> Findings {
    let weigh = |mut finding: Finding| match existing {
        _ if !finding.existing => Some(finding),
        Existing::Deny => Some(finding),
        Existing::Ignore => None,
        Existing::Warn => {
            finding.severity = finding.severity.min(Severity::Warn);
            Some(finding)
        }
    };
    findings
        .into_iter()
        .filter_map(weigh)
        .collect::<Vec<_>>()
        .into()
}

/// Two findings are the same if they have the same rule, place and found value.
type Identity<'a> = (&'a str, String, Option<&'a str>);

/// Marks each of the `new` findings that the `old` ones have too. An old finding accounts for one
/// new finding at most, so a mistake that is made a second time is new.
fn mark_existing(
    new: Findings,
    new_side: &Workload,
    old: &Findings,
    old_side: &Workload,
) -> Findings {
    let mut unmatched: BTreeMap<Identity<'_>, usize> = BTreeMap::new();
    for finding in old {
        *unmatched.entry(identity(finding, old_side)).or_default() += 1;
    }
    let mut existing = Vec::new();
    for finding in &new {
        let left = unmatched
            .get_mut(&identity(finding, new_side))
            .filter(|left| **left > 0);
        existing.push(left.map(|left| *left -= 1).is_some());
    }
    let mut new = new.into_vec();
    for (finding, existing) in new.iter_mut().zip(existing) {
        finding.existing = existing;
    }
    new.into()
}

fn identity<'a>(finding: &'a Finding, side: &Workload) -> Identity<'a> {
    (
        &finding.rule,
        place(&finding.path, side),
        finding.found.as_deref(),
    )
}

/// Returns a path that is the same in two objects whose lists are ordered differently: list entries
/// by `name` where they have one, else by `*`.
fn place(path: &str, workload: &Workload) -> String {
    let mut place = String::new();
    let mut pointer = String::new();
    for segment in path.split('/').skip(1) {
        pointer.push('/');
        pointer.push_str(segment);
        if is_index(segment) {
            pointer::push(&mut place, &entry_name(&pointer, workload));
        } else {
            place.push('/');
            place.push_str(segment);
        }
    }
    place
}

fn is_index(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the name of the list entry at `pointer`, in brackets so that it equals no key.
fn entry_name(pointer: &str, workload: &Workload) -> String {
    let container = workload
        .records()
        .iter()
        .find(|container| container.path == pointer);
    let name = match container {
        Some(container) => Some(container.name.clone()),
        None => workload
            .read::<String>(&[pointer, "/name"].concat())
            .ok()
            .flatten(),
    };
    name.map_or_else(|| "*".to_owned(), |name| ["[", &name, "]"].concat())
}
