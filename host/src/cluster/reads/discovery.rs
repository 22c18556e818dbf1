//! The paths of kinds in the API, and whether rollgate may read them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use moka::Expiry;
use moka::future::Cache;
use rollgate_model::{ClusterError, ClusterErrorCode};
use serde::Deserialize;

use super::names;
use super::request::{RequestError, fetch};
use crate::sources::{Access, KindRef, Scope};

/// How long the path of a kind is cached.
const FOUND_TTL: Duration = Duration::from_secs(600);
/// How long it is cached that a kind does not exist: its CRD may be created any time.
const NOT_FOUND_TTL: Duration = Duration::from_secs(10);
/// The capacity of the cache.
const MAX_KINDS: u64 = 1_000;

/// A kind in the API.
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
    /// Returns the path of the kind's objects.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let Self { base, plural, .. } = self;
        match namespace {
            None => format!("{base}/{plural}"),
            Some(namespace) => format!("{base}/namespaces/{namespace}/{plural}"),
        }
    }

    pub(super) const fn is_namespaced(&self) -> bool {
        self.namespaced
    }

    /// Names the rule that the ClusterRole lacks, and the chart's value that adds it.
    pub(super) fn missing_rule(&self) -> String {
        let Self { group, plural, .. } = self;
        format!(
            "its ClusterRole lacks the rule `apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [\"get\", \"list\"]`, which the chart adds for an entry `{{apiGroup: \"{group}\", resource: {plural}}}` of its value `readableKinds`"
        )
    }
}

/// Finds kinds in the API, and caches them.
#[derive(Clone)]
pub(super) struct Discovery {
    client: Client,
    resources: Cache<(String, String), Option<Arc<Resource>>>,
}

impl Discovery {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            resources: Cache::builder()
                .max_capacity(MAX_KINDS)
                .expire_after(Ttl)
                .build(),
        }
    }

    /// Finds a kind.
    pub(super) async fn resource(
        &self,
        KindRef { api_version, kind }: KindRef<'_>,
    ) -> Result<Arc<Resource>, ClusterError> {
        names::api_version(api_version)?;
        let key = (api_version.to_owned(), kind.to_owned());
        let find = find(&self.client, api_version, kind);
        match self.resources.try_get_with(key, find).await {
            Ok(Some(resource)) => Ok(resource),
            Ok(None) => Err(ClusterError {
                code: ClusterErrorCode::NotFound,
                message: format!("this cluster serves no {kind} ({api_version})"),
            }),
            Err(error) => Err(RequestError::clone(&error).into_cluster_error()),
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
) -> Result<Option<Arc<Resource>>, RequestError> {
    let (group, base) = match api_version.split_once('/') {
        Some((group, _)) => (group, format!("/apis/{api_version}")),
        None => ("", format!("/api/{api_version}")),
    };
    let request = hyper::Request::get(&base)
        .body(vec![])
        .map_err(|error| RequestError::Malformed(error.to_string()))?;
    let listed: ResourceList = match fetch(client, request).await {
        Ok(listed) => listed,
        Err(RequestError::Status { status: 404, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // A name with a slash is a subresource, such as `pods/eviction`.
    let matches = |listed: &Listed| listed.kind == kind && !listed.name.contains('/');
    Ok(listed.resources.into_iter().find(matches).map(|listed| {
        Arc::new(Resource {
            group: group.to_owned(),
            plural: listed.name,
            base,
            namespaced: listed.namespaced,
        })
    }))
}

struct Ttl;

impl<K> Expiry<K, Option<Arc<Resource>>> for Ttl {
    fn expire_after_create(
        &self,
        _: &K,
        found: &Option<Arc<Resource>>,
        _: Instant,
    ) -> Option<Duration> {
        Some(match found {
            Some(_) => FOUND_TTL,
            None => NOT_FOUND_TTL,
        })
    }
}

/// Policies may read one object or list all.
const VERBS: [&str; 2] = ["get", "list"];

/// Returns whether rollgate may read objects of a kind, by SelfSubjectAccessReviews.
pub(super) async fn access(discovery: &Discovery, kind: KindRef<'_>, scope: Scope<'_>) -> Access {
    let namespace = scope.namespace();
    let resource = match discovery.resource(kind).await {
        Ok(resource) => resource,
        Err(error) if error.code == ClusterErrorCode::NotFound => {
            return Access::Missing(error.message);
        }
        Err(error) => return Access::Unknown(error.message),
    };
    if !resource.is_namespaced() && namespace.is_some() {
        return Access::Missing(format!(
            "a {} is cluster-scoped, so a grant for namespaces does not include it",
            kind.kind
        ));
    }
    for verb in VERBS {
        match may(&discovery.client, &resource, verb, namespace).await {
            Ok(true) => {}
            Ok(false) => {
                return Access::Missing(format!(
                    "rollgate itself may not {verb} {}; {}",
                    resource.plural,
                    resource.missing_rule()
                ));
            }
            Err(error) => return Access::Unknown(error.to_string()),
        }
    }
    Access::Granted
}

async fn may(
    client: &Client,
    resource: &Resource,
    verb: &str,
    namespace: Option<&str>,
) -> Result<bool, RequestError> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(resource.group.clone()),
                resource: Some(resource.plural.clone()),
                verb: Some(verb.to_owned()),
                namespace: namespace.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
