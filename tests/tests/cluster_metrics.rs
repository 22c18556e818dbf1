//! What becomes of a rollout whose policy asks for a metric and gets none, through the API server:
//! Prometheus down, slow, or something else at its address.

use std::time::Duration;

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, Output};
use rollgate_tests::installation::{Installation, asked_for};
use rollgate_tests::prometheus::{Exporter, Prometheus, SlowProxy};
use rollgate_tests::traffic::careful;
use serde_json::{Value, json};

/// Where the metrics of each source are said to be.
struct Sources {
    _prometheus: Prometheus,
    addresses: [(&'static str, String); 4],
}

impl Sources {
    async fn new() -> Result<Self> {
        let prometheus = Prometheus::start("# TYPE shop_errors gauge\nshop_errors 0\n").await?;
        let slow = SlowProxy::before(prometheus.url(), Duration::from_secs(20))?;
        let other = Exporter::start("no metrics are to be had here\n")?;
        let addresses = [
            ("well", prometheus.url().to_owned()),
            // The discard port: nobody listens there.
            ("down", "http://127.0.0.1:9".to_owned()),
            ("slow", slow.url(prometheus.url())),
            ("wrong", format!("http://{}", other.address())),
        ];
        Ok(Self {
            _prometheus: prometheus,
            addresses,
        })
    }

    /// Each as a MetricSource, with a policy for either answer to its failure.
    fn objects(&self) -> Value {
        let described = self.addresses.iter().flat_map(|(name, url)| {
            let policies = ["Deny", "Allow"].map(|on_error| policy(name, on_error));
            [source(name, url)].into_iter().chain(policies)
        });
        let items: Vec<Value> = described.collect();
        json!({ "apiVersion": "v1", "kind": "List", "items": items })
    }
}

fn source(name: &str, url: &str) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": { "name": name },
        "spec": { "prometheus": { "url": url } },
    })
}

fn policy(source: &str, on_error: &str) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "ClusterRolloutPolicy",
        "metadata": { "name": format!("{source}-{}", on_error.to_lowercase()) },
        "spec": {
            "module": { "builtin": "metrics-threshold" },
            "match": { "labels": { "matchLabels": { "source": source, "on-error": on_error } } },
            "onError": on_error,
            "grants": { "metrics": [source] },
            "settings": {
                "source": source,
                "answers": { "noData": "fail", "nan": "fail", "stale": "allow", "error": "fail" },
                "checks": [{ "name": "errors", "query": "shop_errors", "max": 0 }],
            },
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn failing_metric_source_leaves_the_decision_to_on_error_in_time() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let rollgate = Installation::new(&plane, 2, &[]).await?;
    let sources = Sources::new().await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(sources.objects().to_string()).ok().await?;
    let kinds = "clusterrolloutpolicies,metricsources";
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "--all",
        kinds,
    ];
    plane.kubectl(wait).ok().await?;
    rollgate
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    let shop = plane.namespace("shop").await?;

    for on_error in ["Deny", "Allow"] {
        let well = create(&plane, &shop, "well", on_error).await?;
        assert!(well.status.success(), "{well:?}");
        for source in ["down", "slow", "wrong"] {
            let output = create(&plane, &shop, source, on_error).await?;
            // The API server says so in other words where it waited in vain.
            assert!(
                !output.stderr.contains("failed calling webhook"),
                "{output:?}"
            );
            assert_eq!(output.status.success(), on_error == "Allow", "{output:?}");
            assert!(
                output
                    .stderr
                    .contains(&format!("{source}-{}", on_error.to_lowercase())),
                "{output:?}"
            );
        }
    }
    Ok(())
}

async fn create(
    plane: &ControlPlane,
    namespace: &str,
    source: &str,
    on_error: &str,
) -> Result<Output> {
    let mut deployment = careful();
    deployment["metadata"]["name"] = json!(format!("{source}-{}", on_error.to_lowercase()));
    deployment["metadata"]["labels"] = json!({ "source": source, "on-error": on_error });
    let create = plane.kubectl(["create", "--filename=-", "--namespace", namespace]);
    create.input(deployment.to_string()).run().await
}
