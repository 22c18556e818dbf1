//! Changed replicas and strategies.

use rollgate_sdk::{Kind, Workload, serde_json};
use serde_json::Value;

use crate::Place;

/// Returns the number of replicas, where it differs.
pub(crate) fn replicas(old: &Workload, new: &Workload) -> Option<Place> {
    let (before, after) = (old.replicas()?, new.replicas()?);
    let what = || {
        let (before, after) = (before.to_string(), after.to_string());
        ["the replicas (", &before, " to ", &after, ")"].concat()
    };
    (before != after).then(|| ("/spec/replicas".to_owned(), what()))
}

/// Returns the strategy, where it differs, steps of Argo Rollouts included.
pub(crate) fn strategy(old: &Workload, new: &Workload) -> Option<Place> {
    let path = match new.kind() {
        Kind::StatefulSet | Kind::DaemonSet => "/spec/updateStrategy",
        _ => "/spec/strategy",
    };
    let read = |workload: &Workload| workload.read::<Value>(path).ok().flatten();
    (read(old) != read(new)).then(|| (path.to_owned(), "the strategy".to_owned()))
}
