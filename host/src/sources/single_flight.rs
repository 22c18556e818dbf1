//! A cache in which concurrent callers share one fetch.

use std::hash::Hash;

use moka::future::Cache;
use tokio::task::JoinError;

/// Returns the cached value of a key, or fetches and caches it. Concurrent calls with equal keys share
/// one fetch. A failure reaches all who wait for it and is not cached.
///
/// The fetch runs in a task of its own: a caller that gives up neither ends it for the others nor makes
/// one of them start again.
///
/// # Errors
/// The inner error is that of the fetch; the outer one says that the fetch panicked.
pub(crate) async fn get_or_fetch<K, V, E>(
    cache: &Cache<K, V>,
    key: K,
    fetch: impl Future<Output = Result<V, E>> + Send + 'static,
) -> Result<Result<V, E>, JoinError>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    if let Some(value) = cache.get(&key).await {
        return Ok(Ok(value));
    }
    let cache = cache.clone();
    let task = tokio::spawn(async move { cache.try_get_with(key, fetch).await });
    Ok(task.await?.map_err(|error| E::clone(&error)))
}
