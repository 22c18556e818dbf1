//! The labels of the namespace that a rollout is in, read within a part of the review's time.

use tokio::time::{Instant, timeout};

use crate::config::NamespaceLabels;
use crate::sources::Cluster;

/// One of this many parts of the time left: the revisions and the policies need the rest.
const PART: u32 = 4;

/// Reads the labels of a namespace. Where they cannot be read, policies that select namespaces by
/// their labels count as matching.
pub(super) async fn labels(
    cluster: &dyn Cluster,
    namespace: &str,
    deadline: Instant,
) -> NamespaceLabels {
    if namespace.is_empty() {
        return NamespaceLabels::Unknown {
            why: "the object names no namespace".to_owned(),
        };
    }
    let time = deadline.saturating_duration_since(Instant::now()) / PART;
    match timeout(time, cluster.namespace_labels(namespace)).await {
        Ok(Ok(labels)) => NamespaceLabels::Known(labels),
        Ok(Err(error)) => NamespaceLabels::Unknown { why: error.message },
        Err(_) => NamespaceLabels::Unknown {
            why: "the API server did not answer in time".to_owned(),
        },
    }
}
