//! Earlier revisions that are large, or many: they are read within limits of memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rollgate::cluster::ClusterReader;
use rollgate::sources::{History, Reading};
use rollgate_model::{Kind, Owner, Revision, RevisionQuery, Revisions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An API server that has nothing but ReplicaSets of one Deployment.
struct ApiServer {
    replica_sets: Vec<Value>,
    requests: AtomicUsize,
}

impl ApiServer {
    fn of(count: usize, bytes: usize) -> Arc<Self> {
        let replica_sets = (0..count).map(|number| replica_set(number, bytes));
        Arc::new(Self {
            replica_sets: replica_sets.collect(),
            requests: AtomicUsize::new(0),
        })
    }

    /// Returns a page of the list, as the API server does: without a limit everything.
    fn list(&self, query: &str) -> Value {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            Some(value.parse::<usize>().expect("a number"))
        };
        let from = parameter("continue").unwrap_or(0);
        let rest = &self.replica_sets[from..];
        let cached = query.contains("resourceVersion=0");
        let limit = parameter("limit").filter(|_| !cached).unwrap_or(rest.len());
        let to = from + limit.min(rest.len());
        let next = (to < self.replica_sets.len()).then(|| to.to_string());
        json!({
            "kind": "ReplicaSetList", "apiVersion": "apps/v1",
            "metadata": {"continue": next.unwrap_or_default()},
            "items": &self.replica_sets[from..to],
        })
    }

    async fn serve(self: &Arc<Self>) -> ClusterReader {
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = port.local_addr().expect("an address");
        let this = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let (stream, _) = port.accept().await.expect("a connection");
                let this = Arc::clone(&this);
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let page = this.list(request.uri().query().unwrap_or_default());
                    let body = Full::new(Bytes::from(page.to_string()));
                    async move { Ok::<_, Infallible>(Response::new(body)) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        let url = format!("http://{address}").parse().expect("an address");
        let client = kube::Client::try_from(kube::Config::new(url)).expect("a client");
        ClusterReader::new(client.clone(), client)
    }
}

fn replica_set(number: usize, bytes: usize) -> Value {
    let hash = format!("h{number}");
    json!({
        "metadata": {
            "name": format!("cart-{hash}"),
            "creationTimestamp": format!("2026-01-01T{:02}:{:02}:00Z", number / 60, number % 60),
            "labels": {"pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": (number + 1).to_string()},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart",
                "uid": "u-1", "controller": true,
            }],
        },
        "spec": {"template": {
            "metadata": {"annotations": {"note": "x".repeat(bytes)}},
            "spec": {"containers": [{"name": "web", "image": format!("cart:{number}")}]},
        }},
    })
}

fn query() -> RevisionQuery {
    RevisionQuery::Owned(Owner {
        kind: Kind::Deployment,
        namespace: "shop".into(),
        name: "cart".into(),
        created: Some("2026-01-01T00:00:00Z".parse().expect("an instant")),
        uid: Some("u-1".into()),
        labels: vec![("app".into(), "cart".into())],
    })
}

async fn read(cluster: &ClusterReader, reading: Reading) -> Vec<Revision> {
    match cluster.revisions(&query(), reading).await {
        Revisions::Known(revisions) => revisions,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn thirty_large_revisions_are_read_and_few_of_their_templates_are_kept() {
    let api = ApiServer::of(30, 600 << 10);
    let cluster = api.serve().await;
    for reading in [Reading::Recent, Reading::Fresh] {
        let revisions = read(&cluster, reading).await;
        assert_eq!(revisions.len(), 30, "{reading:?}");
        assert!(revisions.iter().all(|revision| revision.flaw.is_none()));
        let known: usize = revisions.iter().map(Revision::template_bytes).sum();
        assert!(known <= 4 << 20, "{known} bytes");
        let newest = revisions.last().expect("there are some");
        assert!(newest.template().is_some());
    }
}

#[tokio::test]
async fn revisions_of_ordinary_size_are_read_with_one_request() {
    let api = ApiServer::of(30, 8 << 10);
    let cluster = api.serve().await;
    let revisions = read(&cluster, Reading::Recent).await;
    assert!(
        revisions
            .iter()
            .all(|revision| revision.template().is_some())
    );
    assert_eq!(api.requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn many_large_readings_at_once_all_end() {
    let api = ApiServer::of(3, 600 << 10);
    let cluster = api.serve().await;
    let all = (0..8).map(|_| read(&cluster, Reading::Fresh));
    for revisions in futures_util::future::join_all(all).await {
        assert_eq!(revisions.len(), 3);
    }
}
