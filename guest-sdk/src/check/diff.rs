//! Tells introduced findings from existing ones.

use crate::pointer::push_segment;
use crate::{Finding, Findings, Workload};

/// Marks each of the `new` findings that the `old` ones have too. An old finding accounts for one
/// new finding at most, so a mistake that is made a second time is introduced.
pub(super) fn mark_existing(
    new: Findings,
    new_side: &Workload,
    old: &Findings,
    old_side: &Workload,
) -> Findings {
    if old.is_empty() {
        return new;
    }
    let mut unmatched: Vec<_> = old
        .iter()
        .map(|finding| (finding, place(&finding.path, old_side)))
        .collect();
    let mark = |mut finding: Finding| {
        let place = place(&finding.path, new_side);
        let same = |(other, there): &(&Finding, String)| {
            other.rule == finding.rule && other.found == finding.found && *there == place
        };
        if let Some(index) = unmatched.iter().position(same) {
            unmatched.swap_remove(index);
            finding.existing = true;
        }
        finding
    };
    new.into_iter().map(mark).collect::<Vec<_>>().into()
}

/// A path that means the same place in two objects whose lists are ordered differently: list
/// entries by `name` where they have one, else by `*`.
fn place(path: &str, workload: &Workload) -> String {
    let mut place = String::new();
    let mut pointer = String::new();
    for segment in path.split('/').skip(1) {
        pointer.push('/');
        pointer.push_str(segment);
        if is_index(segment) {
            push_segment(&mut place, &entry_name(&pointer, workload));
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

/// The name of the list entry at `pointer`, in brackets so that it equals no key.
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
