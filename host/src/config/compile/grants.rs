//! What a policy may ask of metrics and the cluster.

use std::collections::BTreeSet;

use super::mistakes::Mistakes;
use crate::config::wire::{ClusterGrantSpec, GrantsSpec, PolicyObject};
use crate::engine::{ClusterGrant, Grants, Ungranted};

/// What a policy may ask, of what it asks for.
pub(super) fn grants(object: &PolicyObject, mistakes: &mut Mistakes) -> Grants {
    let spec: &GrantsSpec = &object.spec.grants;
    let own = object.metadata.namespace.as_deref();
    let cluster = spec.cluster.iter().enumerate();
    Grants {
        metrics: spec.metrics.iter().cloned().collect(),
        cluster: cluster
            .map(|(index, grant)| {
                cluster_grant(
                    own,
                    grant,
                    &format!("/spec/grants/cluster/{index}"),
                    mistakes,
                )
            })
            .collect(),
        ungranted: Ungranted::Refused,
    }
}

fn cluster_grant(
    own: Option<&str>,
    spec: &ClusterGrantSpec,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> ClusterGrant {
    if spec.kind.eq_ignore_ascii_case("secret") || spec.kind.eq_ignore_ascii_case("secrets") {
        mistakes.add(
            format!("{pointer}/kind"),
            "Secrets are never shown to a policy, so they cannot be granted; remove this grant",
        );
    }
    for (field, text) in [("apiVersion", &spec.api_version), ("kind", &spec.kind)] {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '*') {
            mistakes.add(
                format!("{pointer}/{field}"),
                format!("`{field}` stands for one {field} and must be written in full, as in `apps/v1` and `ReplicaSet`"),
            );
        }
    }
    ClusterGrant {
        api_version: spec.api_version.clone(),
        kind: spec.kind.clone(),
        namespaces: granted_namespaces(
            own,
            spec.namespaces.as_deref(),
            &format!("{pointer}/namespaces"),
            mistakes,
        ),
    }
}

/// A policy with a namespace reads what is in it and nothing else, however much it asks for.
fn granted_namespaces(
    own: Option<&str>,
    listed: Option<&[String]>,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> Option<BTreeSet<String>> {
    let namespaces = listed.map(|listed| mistakes.some_namespaces(listed, pointer));
    let Some(own) = own else {
        return namespaces;
    };
    for (index, namespace) in listed.into_iter().flatten().enumerate() {
        if namespace != own {
            mistakes.add(format!("{pointer}/{index}"), format!(
                "this policy stands in the namespace `{own}` and reads no other; use a ClusterRolloutPolicy for several"
            ));
        }
    }
    Some(BTreeSet::from([own.to_owned()]))
}
