//! Whether rollgate itself may read what policies are granted.

use std::collections::HashMap;

use tokio::sync::OnceCell;

use crate::config::configuration::PolicyItem;
use crate::engine::ClusterGrant;
use crate::sources::{Access, Cluster, KindRef, Scope};

/// Asks for each kind and namespace once in a load, however many policies are granted it.
pub(super) struct OwnRights<'a> {
    cluster: &'a dyn Cluster,
    asked: HashMap<(KindRef<'a>, Scope<'a>), OnceCell<Access>>,
}

impl<'a> OwnRights<'a> {
    pub(super) fn new(cluster: &'a dyn Cluster, policies: &'a [PolicyItem]) -> Self {
        let grants = policies.iter().flat_map(|item| &item.policy.grants.cluster);
        let asked = grants.flat_map(kinds).map(|kind| (kind, OnceCell::new()));
        Self {
            cluster,
            asked: asked.collect(),
        }
    }

    /// What rollgate lacks for a grant. Where that cannot be found out now, each reading tells.
    pub(super) async fn missing<'s>(&'s self, grant: &'s ClusterGrant) -> Option<&'s str> {
        for kind in kinds(grant) {
            let asked = self.asked[&kind].get_or_init(|| self.ask(kind));
            if let Access::Missing(what) = asked.await {
                return Some(what);
            }
        }
        None
    }

    async fn ask(&self, (kind, scope): (KindRef<'_>, Scope<'_>)) -> Access {
        let access = self.cluster.access(kind, scope).await;
        if let Access::Unknown(why) = &access {
            tracing::debug!(
                ?kind,
                ?scope,
                why,
                "whether rollgate may read it is not known"
            );
        }
        access
    }
}

fn kinds(grant: &ClusterGrant) -> Vec<(KindRef<'_>, Scope<'_>)> {
    let kind = KindRef {
        api_version: &grant.api_version,
        kind: &grant.kind,
    };
    match &grant.namespaces {
        None => vec![(kind, Scope::AllNamespaces)],
        Some(some) => {
            let scopes = some.iter().map(|name| Scope::Namespace(name));
            scopes.map(|scope| (kind, scope)).collect()
        }
    }
}
