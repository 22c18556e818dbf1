//! References to workloads in an annotation.

use std::fmt;

use rollgate_sdk::status::{WorkloadKind, WorkloadStatus};

/// A workload that another one depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) kind: WorkloadKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Reference {
    pub(crate) fn of(workload: &WorkloadStatus) -> Self {
        Self {
            kind: workload.kind(),
            namespace: workload.namespace().to_owned(),
            name: workload.name().to_owned(),
        }
    }
}

/// Parses a list such as `Deployment/db, payments/StatefulSet/ledger`, as an annotation of a
/// workload in `namespace`. Each part that is no reference is returned as an error.
pub(crate) fn parse<'a>(
    list: &'a str,
    namespace: &'a str,
) -> impl Iterator<Item = Result<Reference, &'a str>> {
    let parts = list.split([',', '\n']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(move |part| one(part, namespace).ok_or(part))
}

fn one(part: &str, namespace: &str) -> Option<Reference> {
    let segments: Vec<_> = part.split('/').collect();
    let (namespace, kind, name) = match segments[..] {
        [kind, name] => (namespace, kind, name),
        [namespace, kind, name] => (namespace, kind, name),
        _ => return None,
    };
    let is_name = |text: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        !text.is_empty() && text.chars().all(fits)
    };
    (is_name(namespace) && is_name(name)).then_some(())?;
    Some(Reference {
        kind: self::kind(kind)?,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Returns the kind with this name, in any case, or its short name in kubectl.
fn kind(name: &str) -> Option<WorkloadKind> {
    match name.to_ascii_lowercase().as_str() {
        "deployment" | "deploy" => Some(WorkloadKind::Deployment),
        "statefulset" | "sts" => Some(WorkloadKind::StatefulSet),
        "daemonset" | "ds" => Some(WorkloadKind::DaemonSet),
        "rollout" | "ro" => Some(WorkloadKind::Rollout),
        _ => None,
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}
