//! Following a single object of the cluster.

use std::fmt::Debug;

use futures_util::{Stream, StreamExt as _};
use kube::Resource;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use serde::de::DeserializeOwned;

/// The object of this name whenever it changes, `None` when there is none; for ever. While the API
/// server cannot be asked nothing comes, and the log says why.
pub(super) fn object<K>(api: Api<K>, name: String) -> impl Stream<Item = Option<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let events = watch_object(api, &name).default_backoff();
    events.filter_map(move |event| {
        let seen = event.inspect_err(|error| {
            tracing::warn!(%error, object = name, "an object of the cluster cannot be followed; trying again");
        });
        std::future::ready(seen.ok())
    })
}
