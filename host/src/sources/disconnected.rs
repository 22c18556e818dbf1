//! The cluster of a rollgate that has none.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rollgate_model::{ClusterError, ClusterErrorCode, RevisionQuery, Revisions};

use super::{Cluster, History, ListQuery, NoSecret, ObjectRef, Reading, Secrets};

/// Fails every read with that there is no cluster, as in a check of files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disconnected;

impl Cluster for Disconnected {
    fn is_connected(&self) -> bool {
        false
    }

    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        ready(Err(disconnected(object.kind.kind))).boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        ready(Err(disconnected(query.kind.kind))).boxed()
    }
}

impl History for Disconnected {
    fn revisions<'a>(&'a self, _: &'a RevisionQuery, _: Reading) -> BoxFuture<'a, Revisions> {
        let why = "this rollgate is not connected to a cluster".to_owned();
        ready(Revisions::NoCluster { why }).boxed()
    }
}

impl Secrets for Disconnected {
    fn read<'a>(&'a self, name: &'a str, _: &'a str) -> BoxFuture<'a, Result<String, NoSecret>> {
        let why =
            format!("this rollgate is not connected to a cluster, so it has no Secret `{name}`");
        ready(Err(NoSecret(why))).boxed()
    }
}

fn disconnected(kind: &str) -> ClusterError {
    ClusterError {
        code: ClusterErrorCode::NotSeen,
        message: format!(
            "this rollgate is not connected to a cluster, so it cannot read a {kind}; \
             a scenario can supply one"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::KindRef;

    #[tokio::test]
    async fn read_without_a_cluster_says_so() {
        let object = ObjectRef {
            kind: KindRef {
                api_version: "v1",
                kind: "ConfigMap",
            },
            namespace: Some("shop"),
            name: "flags",
        };
        let error = Disconnected.get(object, Reading::Recent).await.unwrap_err();
        assert_eq!(error.code, ClusterErrorCode::NotSeen);
        assert!(
            error.message.contains("not connected to a cluster"),
            "{error}"
        );
        assert!(error.message.contains("ConfigMap"), "{error}");
    }
}
