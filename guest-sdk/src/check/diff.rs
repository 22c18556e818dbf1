//! Distinguishes new findings from existing ones.

use crate::pointer;
use crate::{Finding, Findings, Workload};
use std::collections::BTreeMap;

/// Two findings are the same if they have the same rule, place and found value.
type Identity<'a> = (&'a str, String, Option<&'a str>);

/// Marks each of the `new` findings that the `old` ones have too. An old finding accounts for one
/// new finding at most, so a mistake that is made a second time is new.
pub(super) fn mark_existing(
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
