//! Workloads that find nothing in `--old`, though it looks as if they were meant to.

use std::collections::HashMap;

use rollgate_model::Kind;

use super::manifests::Manifest;
use super::pairs::{Before, Key};
use crate::config::Problem;

/// A workload that was created, and one of the same kind and name in `--old`.
struct Namesake<'a> {
    manifest: &'a Manifest,
    here: Key,
    there: &'a Key,
}

/// Warns where `--old` has nothing for any of the workloads, or has one for which the namespace is
/// named on one side only: an update is then evaluated as a create.
pub(super) fn warning(
    workloads: &[Manifest],
    before: &Before,
    namespace: Option<&str>,
) -> Option<Problem> {
    // Those that the server names are creates whatever stands in `--old`.
    let named = workloads.iter().filter_map(|manifest| {
        let key = Key::of(manifest, namespace)?;
        Some((manifest, key))
    });
    let named: Vec<_> = named.collect();
    let first = named.first()?.0;
    let (found, created): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(_, key)| before.has(key));
    let known = by_name(before);
    let mut namesakes = created.into_iter().filter_map(|(manifest, here)| {
        let there = *known.get(&(here.kind, here.name.as_str()))?;
        Some(Namesake {
            manifest,
            here,
            there,
        })
    });
    if found.is_empty() {
        let title =
            "--old has nothing that these workloads replace, so each is evaluated as a create";
        return Some(match namesakes.next() {
            Some(namesake) => namesake.problem(title.to_owned()),
            None => of(first, title.to_owned()).hint(
                "the same workload has the same group, kind, namespace and name on both sides",
            ),
        });
    }
    let half = namesakes.find(|namesake| {
        namesake.here.namespace.is_empty() || namesake.there.namespace.is_empty()
    })?;
    let Key { kind, name, .. } = &half.here;
    let title = format!(
        "{kind} `{}` is evaluated as a create: --old has one in another namespace",
        name.escape_debug()
    );
    Some(half.problem(title))
}

/// The workloads of `--old` by kind and name alone; of several, the one of the first namespace.
fn by_name(before: &Before) -> HashMap<(Kind, &str), &Key> {
    let mut known: HashMap<_, &Key> = HashMap::new();
    for key in before.keys() {
        let first = known.entry((key.kind, key.name.as_str())).or_insert(key);
        if key.namespace < first.namespace {
            *first = key;
        }
    }
    known
}

fn of(manifest: &Manifest, title: String) -> Problem {
    manifest.origin.problem("/metadata/name", title)
}

impl Namesake<'_> {
    fn problem(&self, title: String) -> Problem {
        of(self.manifest, title).hint(self.hint())
    }

    fn hint(&self) -> String {
        let (here, there) = (&self.here.namespace, &self.there.namespace);
        let Key { kind, name, .. } = &self.here;
        let place = |namespace: &str| match namespace {
            "" => "in no namespace".to_owned(),
            namespace => format!("in the namespace `{}`", namespace.escape_debug()),
        };
        let text = format!(
            "{kind} `{}` is {} here and {} in --old",
            name.escape_debug(),
            place(here),
            place(there)
        );
        match (here.as_str(), there.as_str()) {
            ("", namespace) | (namespace, "") => format!("{text}: give --namespace {namespace}"),
            _ => text,
        }
    }
}
