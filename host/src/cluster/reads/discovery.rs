//! Under which path the API server keeps the objects of a kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use moka::Expiry;
use moka::future::Cache;
use rollgate_model::{ClusterError, ClusterErrorCode};
use serde::Deserialize;

use super::failure::Failure;
use super::fetch::fetch;
use super::names;

/// How long a kind that is served is taken to stay where it is.
const SERVED: Duration = Duration::from_secs(600);
/// How long a kind that is not served is taken to stay away: its CRD may come any time.
const NOT_SERVED: Duration = Duration::from_secs(10);
/// How many kinds are remembered.
const MOST_KINDS: u64 = 1_000;

/// Where a kind's objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// The group; the core group is empty.
    pub(super) group: String,
    /// The plural name in paths and RBAC rules.
    pub(super) plural: String,
    /// The path of the group and version.
    base: String,
    namespaced: bool,
}

impl Resource {
    /// The path of the kind's objects, in one namespace or, where that is empty, in all.
    pub(super) fn path(&self, namespace: &str) -> String {
        let Self { base, plural, .. } = self;
        if namespace.is_empty() {
            format!("{base}/{plural}")
        } else {
            format!("{base}/namespaces/{namespace}/{plural}")
        }
    }

    pub(super) const fn is_namespaced(&self) -> bool {
        self.namespaced
    }

    /// The rule of the host's role that lets it read this, and the chart's value that makes it.
    pub(super) fn missing_rule(&self) -> String {
        let Self { group, plural, .. } = self;
        format!(
            "its ClusterRole lacks the rule `apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [\"get\", \"list\"]`, which the chart adds for an entry `{{apiGroup: \"{group}\", resource: {plural}}}` of its value `readableKinds`"
        )
    }
}

/// What the API server serves, asked for kind by kind.
#[derive(Clone)]
pub(super) struct Discovery {
    client: Client,
    known: Cache<(String, String), Option<Arc<Resource>>>,
}

impl Discovery {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            known: Cache::builder()
                .max_capacity(MOST_KINDS)
                .expire_after(UntilLookedFor)
                .build(),
        }
    }

    /// Where the objects of a kind are.
    pub(super) async fn resource(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Arc<Resource>, ClusterError> {
        names::api_version(api_version)?;
        let key = (api_version.to_owned(), kind.to_owned());
        let look = find(&self.client, api_version, kind);
        match self.known.try_get_with(key, look).await {
            Ok(Some(resource)) => Ok(resource),
            Ok(None) => Err(ClusterError {
                code: ClusterErrorCode::NotFound,
                message: format!("this cluster serves no {kind} ({api_version})"),
            }),
            Err(failure) => Err(Failure::clone(&failure).into_error()),
        }
    }
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    kind: String,
    namespaced: bool,
}

async fn find(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<Option<Arc<Resource>>, Failure> {
    let (group, base) = match api_version.split_once('/') {
        Some((group, _)) => (group, format!("/apis/{api_version}")),
        None => ("", format!("/api/{api_version}")),
    };
    let request = hyper::Request::get(&base)
        .body(vec![])
        .map_err(|error| Failure::Odd(error.to_string()))?;
    let listed: ResourceList = match fetch(client, request).await {
        Ok(listed) => listed,
        Err(Failure::Refused { status: 404, .. }) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    // A name with a slash is a subresource, such as `pods/eviction`.
    let ours = |listed: &Listed| listed.kind == kind && !listed.name.contains('/');
    Ok(listed.resources.into_iter().find(ours).map(|listed| {
        Arc::new(Resource {
            group: group.to_owned(),
            plural: listed.name,
            base,
            namespaced: listed.namespaced,
        })
    }))
}

/// What is served is remembered for long, what is not for a moment.
struct UntilLookedFor;

impl<K> Expiry<K, Option<Arc<Resource>>> for UntilLookedFor {
    fn expire_after_create(
        &self,
        _: &K,
        found: &Option<Arc<Resource>>,
        _: Instant,
    ) -> Option<Duration> {
        Some(match found {
            Some(_) => SERVED,
            None => NOT_SERVED,
        })
    }
}
