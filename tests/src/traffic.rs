//! Rollouts through the API server, again and again: clients that create a Deployment which may go
//! and one which may not, as dry-runs, and keep what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Error;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cart;
use crate::control_plane::ControlPlane;

const IMAGE: &str = "registry.example/cart:1.2.3";
const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Clients at work.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    clients: JoinSet<Seen>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicUsize,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many that may go went.
    pub allowed: usize,
    /// How many that may not go were denied by a policy.
    pub denied: usize,
    /// Refused because the webhook gave no answer, and when.
    pub failed: Vec<(Instant, String)>,
    /// Let through what may not go, or denied what may.
    pub wrong: Vec<String>,
    /// Not taken by the API server itself, and when.
    pub without_response: Vec<(Instant, String)>,
}

impl Traffic {
    /// Puts clients to work in a namespace where every container needs a readiness probe.
    ///
    /// # Errors
    /// There is no client.
    pub async fn start(plane: &ControlPlane, namespace: &str) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let api = Api::namespaced(plane.client().await?, namespace);
            clients.spawn(work(api, Arc::clone(&shared)));
        }
        Ok(Self { shared, clients })
    }

    /// Waits until so many further requests are done, well or not.
    pub async fn more(&self, requests: usize) {
        let wanted = self.shared.done.load(Ordering::Relaxed) + requests;
        while self.shared.done.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Lets every client finish its request, and adds up.
    pub async fn end(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for seen in self.clients.join_all().await {
            all.allowed += seen.allowed;
            all.denied += seen.denied;
            all.failed.extend(seen.failed);
            all.wrong.extend(seen.wrong);
            all.without_response.extend(seen.without_response);
        }
        all
    }
}

async fn work(api: Api<Deployment>, shared: Arc<Shared>) -> Seen {
    let (careful, careless) = (object(&careful()), object(&careless()));
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut seen = Seen::default();
    while !shared.stop.load(Ordering::Relaxed) {
        match api.create(&dry_run, &careful).await {
            Ok(_) => seen.allowed += 1,
            Err(error) if is_denial(&error) => seen.wrong.push(error.to_string()),
            Err(error) => seen.not_judged(&error),
        }
        match api.create(&dry_run, &careless).await {
            Ok(_) => seen.wrong.push("a careless one was let through".into()),
            Err(error) if is_denial(&error) => seen.denied += 1,
            Err(error) => seen.not_judged(&error),
        }
        shared.done.fetch_add(2, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
    seen
}

impl Seen {
    fn not_judged(&mut self, error: &Error) {
        let told = (Instant::now(), error.to_string());
        match error {
            Error::Api(status) if status.message.contains("failed calling webhook") => {
                self.failed.push(told)
            }
            _ => self.without_response.push(told),
        }
    }
}

/// Only the API server's message distinguishes a webhook's denial from its failure.
fn is_denial(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.message.contains("denied the request"))
}

fn object(tree: &Value) -> Deployment {
    serde_json::from_value(tree.clone()).expect("it is a Deployment")
}

/// A Deployment that may go.
#[must_use]
pub fn careful() -> Value {
    cart::careful(IMAGE)
}

/// A Deployment without a readiness probe.
#[must_use]
pub fn careless() -> Value {
    cart::careless(IMAGE)
}

/// A policy that lets the one go and not the other.
#[must_use]
pub fn probes(namespace: &str) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": { "name": "probes", "namespace": namespace },
        "spec": {
            "module": { "builtin": "probes" },
            "settings": {},
            "match": { "kinds": ["Deployment"] },
        },
    })
}

/// The API server's count of webhooks that it could not call.
///
/// # Errors
/// It does not tell.
pub async fn failed_calls(plane: &ControlPlane) -> Result<Vec<String>> {
    let metrics = plane.metrics().await?;
    let failed = metrics.lines().filter(|line| {
        line.starts_with("apiserver_admission_webhook_fail_open_count{")
            || line.starts_with("apiserver_admission_webhook_rejection_count{")
                && !line.contains("error_type=\"no_error\"")
    });
    Ok(failed.map(str::to_owned).collect())
}
