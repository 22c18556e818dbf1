//! Measures what rollgate costs a cluster: the time that it adds to a rollout, by the metrics of the API
//! server, with 0 to 8 policies; and whether its memory grows with the number of objects.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::api::{Api, Patch, PatchParams, PostParams};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::installation::{Installation, asked_for};
use rollgate_tests::measured::{median, resident};
use serde_json::{Value, json};

const POLICIES: [usize; 4] = [0, 1, 3, 8];
const UPDATES: usize = 300;
const DEPLOYMENTS: usize = 2_000;
/// ReplicaSets of each Deployment: the present one, and earlier ones.
const REVISIONS: usize = 3;
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let rollgate =
        Installation::new(&plane, 2, &["--log-level=info,rollgate::admission=warn"]).await?;
    let subject = Subject::new(&plane).await?;

    println!("{UPDATES} updates of a Deployment of 16 KB, one after the other; two replicas");
    println!("policies  update p50 ms  calls  webhook mean ms");
    for count in POLICIES {
        apply_policies(&plane, &rollgate, count).await?;
        subject.update(UPDATES / 10).await?;
        let before = Calls::read(&plane).await?;
        let took = subject.update(UPDATES).await?;
        let calls = Calls::read(&plane).await?.since(before);
        println!(
            "{count:>8}  {took:>13.2}  {:>5}  {:>15.2}",
            calls.count,
            calls.mean()
        );
    }

    let memory = |rollgate: &Installation<'_>| -> Vec<u64> {
        rollgate.replicas.iter().map(resident).collect()
    };
    let empty = memory(&rollgate);
    let begun = Instant::now();
    fill(&plane).await?;
    let filled = begun.elapsed().as_secs();
    subject.update(UPDATES).await?;
    println!(
        "\nmemory of the replicas in KiB: {empty:?}, and {:?} with {DEPLOYMENTS} Deployments and {} ReplicaSets more ({filled} s to create)",
        memory(&rollgate),
        DEPLOYMENTS * REVISIONS,
    );
    Ok(())
}

/// A Deployment without Pods that is updated repeatedly, each time after its controller has handled the
/// last update, so that nothing else runs during the measurement.
struct Subject {
    deployments: Api<Deployment>,
}

const NAME: &str = "subject";

impl Subject {
    async fn new(plane: &ControlPlane) -> Result<Self> {
        let namespace = plane.namespace("bench").await?;
        let deployments = Api::namespaced(plane.client().await?, &namespace);
        let review: Value = serde_json::from_str(UPDATE_16K)?;
        let mut object = review["request"]["object"].clone();
        object["metadata"] = json!({ "name": NAME, "labels": object["metadata"]["labels"] });
        object["spec"]["replicas"] = 0.into();
        object["status"] = Value::Null;
        let object = serde_json::from_value(object).context("the review's object")?;
        deployments.create(&PostParams::default(), &object).await?;
        Ok(Self { deployments })
    }

    /// Changes the template repeatedly; returns the median time in milliseconds.
    async fn update(&self, times: usize) -> Result<f64> {
        let plain = PatchParams::default();
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            self.settled().await?;
            let begun = Instant::now();
            let stamp = format!("{:?}", begun);
            let annotations = json!({ "metadata": { "annotations": { "bench": stamp } } });
            let patch = Patch::Merge(json!({ "spec": { "template": annotations } }));
            self.deployments.patch(NAME, &plain, &patch).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(took.into_iter()))
    }

    /// Waits until a ReplicaSet holds the template.
    async fn settled(&self) -> Result<()> {
        wait_for("the controller to see the update", async || {
            let now = self.deployments.get(NAME).await?;
            let seen = now.status.and_then(|status| status.observed_generation);
            Ok((seen == now.metadata.generation).then_some(()))
        })
        .await
    }
}

/// Applies this number of `probes` policies, and waits until the API server calls the webhook, or no
/// longer does.
async fn apply_policies(
    plane: &ControlPlane,
    rollgate: &Installation<'_>,
    count: usize,
) -> Result<()> {
    let policies: Vec<Value> = (0..count).map(policy).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": policies });
    if count > 0 {
        let apply = plane.kubectl(["apply", "--filename=-"]);
        apply.input(list.to_string()).ok().await?;
        let wait = ["wait", "--for=condition=Ready", "--timeout=60s", "--all"];
        plane
            .kubectl(wait)
            .arg("clusterrolloutpolicies")
            .ok()
            .await?;
    }
    rollgate
        .registered(|registered| asked_for(registered).is_empty() == (count == 0))
        .await?;
    // Until the API server has read the new webhook configuration.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// Each policy has other settings, so that no two share a snapshot.
fn policy(number: usize) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "ClusterRolloutPolicy",
        "metadata": { "name": format!("probes-{number}") },
        "spec": {
            "module": { "builtin": "probes" },
            "settings": { "limits": { "initialDelaySeconds": 60 + number } },
        },
    })
}

/// The API server's metrics of its calls of the webhook.
#[derive(Clone, Copy, Default)]
struct Calls {
    count: f64,
    seconds: f64,
}

impl Calls {
    async fn read(plane: &ControlPlane) -> Result<Self> {
        let metrics = plane.metrics().await?;
        let sum = |name: &str| -> f64 {
            let lines = metrics.lines().filter(|line| {
                line.starts_with(name) && line.contains("rollgate.dev") && !line.contains("_bucket")
            });
            lines
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        let metric = "apiserver_admission_webhook_admission_duration_seconds";
        Ok(Self {
            count: sum(&format!("{metric}_count")),
            seconds: sum(&format!("{metric}_sum")),
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            count: self.count - before.count,
            seconds: self.seconds - before.seconds,
        }
    }

    /// In milliseconds; 0 without a call.
    fn mean(self) -> f64 {
        self.seconds * 1e3 / self.count.max(1.0)
    }
}

/// Creates workloads and their earlier revisions.
async fn fill(plane: &ControlPlane) -> Result<()> {
    let namespace = plane.namespace("others").await?;
    let client = plane.client().await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    let replica_sets: Api<ReplicaSet> = Api::namespaced(client, &namespace);
    stream::iter(0..DEPLOYMENTS)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |number| {
            let (deployments, replica_sets) = (&deployments, &replica_sets);
            async move {
                let name = format!("other-{number}");
                let object = serde_json::from_value(workload(&name, &name))?;
                let made = deployments.create(&PostParams::default(), &object).await?;
                let owner = json!([{
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": name,
                    "uid": made.metadata.uid,
                    "controller": true,
                }]);
                for revision in 0..REVISIONS {
                    let mut set = workload(&format!("{name}-{revision}"), &name);
                    set["metadata"]["ownerReferences"] = owner.clone();
                    let spec = set["spec"].as_object_mut().context("a spec")?;
                    spec.remove("paused");
                    let set = serde_json::from_value(set)?;
                    replica_sets.create(&PostParams::default(), &set).await?;
                }
                anyhow::Ok(())
            }
        })
        .await
}

/// A Deployment, or with other names the ReplicaSet of one, that starts no Pods.
fn workload(name: &str, app: &str) -> Value {
    let labels = BTreeMap::from([("app", app)]);
    let probe = json!({ "httpGet": { "path": "/ready", "port": 8080 } });
    let container = json!({
        "name": "main",
        "image": "registry.example/other:1.0.0",
        "ports": [{ "containerPort": 8080 }],
        "readinessProbe": probe,
        "livenessProbe": { "httpGet": { "path": "/live", "port": 8080 } },
    });
    json!({
        "metadata": { "name": name, "labels": labels },
        "spec": {
            "replicas": 0,
            "paused": true,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [container] },
            },
        },
    })
}
