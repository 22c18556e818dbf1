//! Finds workloads that depend on each other.

use rollgate_sdk::status::{self, WorkloadStatus};

use crate::reference::{self, Reference};

/// The number of further workloads that are read: a cycle is only reported, so a longer one may
/// stay unseen.
const MOST_READ: usize = 20;

/// Returns a cycle from `itself` back to itself, by the annotations of the workloads that it
/// depends on, and of those that these depend on. What cannot be read is left out.
pub(crate) fn find(
    itself: &Reference,
    upstream: Vec<WorkloadStatus>,
    annotation: &str,
) -> Option<Vec<Reference>> {
    let start = vec![itself.clone()];
    let mut open: Vec<_> = upstream
        .into_iter()
        .map(|workload| (start.clone(), workload))
        .rev()
        .collect();
    let mut seen: Vec<Reference> = open.iter().map(|(_, one)| Reference::of(one)).collect();
    let mut read = 0;
    while let Some((mut path, workload)) = open.pop() {
        path.push(Reference::of(&workload));
        let list = workload.annotation(annotation).unwrap_or_default();
        for reference in reference::parse(list, workload.namespace()).flatten() {
            if reference == *itself {
                path.push(reference);
                return Some(path);
            }
            if read == MOST_READ || seen.contains(&reference) {
                continue;
            }
            seen.push(reference.clone());
            read += 1;
            let next = status::workload(reference.kind, &reference.namespace, &reference.name);
            if let Ok(Some(next)) = next {
                open.push((path.clone(), next));
            }
        }
    }
    None
}
