//! Objects of any kind: where the API server has them, and watching a single one.

use std::fmt::Debug;

use futures_util::{Stream, StreamExt as _};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::sources::KindRef;

/// Returns the resource of a kind, with the plural name that Kubernetes' own kinds and Argo's have.
pub(crate) fn api_resource(KindRef { api_version, kind }: KindRef<'_>) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Returns the API of a resource in one namespace, or if it is `None`, in all or in none.
pub(crate) fn dynamic_api(
    client: &Client,
    resource: &ApiResource,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// Returns the object of this name whenever it changes, `None` when there is none; never ends. While
/// the API server does not answer, it returns nothing and logs why.
pub(super) fn watch<K>(api: Api<K>, name: String) -> impl Stream<Item = Option<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let events = watch_object(api, &name).default_backoff();
    events.filter_map(move |event| {
        let seen = event.inspect_err(|error| {
            tracing::warn!(%error, object = name, "an object of the cluster cannot be watched; trying again");
        });
        std::future::ready(seen.ok())
    })
}
