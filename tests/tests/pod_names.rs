//! The names of Pods, as the real controllers and the API server make them: `metrics-threshold` picks
//! the Pods of a workload by name, and no others.

use anyhow::{Context as _, Result};
use regex::Regex;
use rollgate_sdk::Kind;
use rollgate_sdk::pod_names;
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use serde_json::{Value, json};

/// A workload, and the label that its Pods alone have.
struct Workload {
    kind: Kind,
    name: String,
    label: String,
}

#[tokio::test]
#[ignore = "make test"]
async fn pod_name_pattern_matches_the_pods_of_its_workload_only() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let workloads = workloads();
    let items: Vec<Value> = workloads.iter().map(Workload::manifest).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    plane.kubectl(apply).input(list.to_string()).ok().await?;
    let pods = wait_for("Pods of each workload", async || {
        let pods = pods_of(plane, &shop).await?;
        let has_pod = |workload: &Workload| pods.iter().any(|(label, _)| *label == workload.label);
        Ok(workloads.iter().all(has_pod).then_some(pods))
    })
    .await?;
    for workload in &workloads {
        let pattern = pod_names::pattern(&workload.kind, &workload.name)?;
        // As Prometheus does, which anchors at both ends.
        let whole = Regex::new(&format!("^(?:{pattern})$"))?;
        for (label, pod) in &pods {
            assert_eq!(
                whole.is_match(pod),
                *label == workload.label,
                "{} {}: {pattern} and {pod}",
                workload.kind,
                workload.name
            );
        }
    }
    Ok(())
}

/// Names of every length at which something is cut, beside names that begin alike.
fn workloads() -> Vec<Workload> {
    const LONG: &str = "checkout-of-the-european-shop-with-bank-transfers-by-night-and-day";
    let of_length = |lengths: &[usize]| -> Vec<String> {
        // A name does not end with `-`.
        let cut = |&length: &usize| LONG[..length - 1].to_owned() + "x";
        lengths.iter().map(cut).collect()
    };
    let short = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let deployments = short(&["web", "web-admin", "web-db", "web.v2", "web-0"])
        .into_iter()
        .chain(of_length(&[45, 46, 47, 48, 49, 50, 51, 52, 54, 56]));
    let daemon_sets = short(&["web", "log", "log-fwd", "log-x7k2p", "web-db"])
        .into_iter()
        .chain(of_length(&[46, 52, 56, 57]));
    let stateful_sets = short(&["web", "web-1", "db", "db-0"])
        .into_iter()
        .chain(of_length(&[46, 52]));
    let of_kind = |kind: Kind| move |name: String| (kind.clone(), name);
    deployments
        .map(of_kind(Kind::Deployment))
        .chain(daemon_sets.map(of_kind(Kind::DaemonSet)))
        .chain(stateful_sets.map(of_kind(Kind::StatefulSet)))
        .enumerate()
        .map(|(number, (kind, name))| Workload {
            kind,
            name,
            label: format!("w{number}"),
        })
        .collect()
}

impl Workload {
    fn manifest(&self) -> Value {
        let labels = json!({ "app": self.label });
        let mut manifest = json!({
            "apiVersion": "apps/v1",
            "kind": self.kind.as_str(),
            "metadata": { "name": self.name },
            "spec": {
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "main", "image": "app:1" }] },
                },
            },
        });
        if self.kind == Kind::StatefulSet {
            manifest["spec"]["serviceName"] = "none".into();
        }
        manifest
    }
}

/// The Pods of a namespace: of each its label and its name.
async fn pods_of(plane: &ControlPlane, shop: &str) -> Result<Vec<(String, String)>> {
    let get = ["get", "pods", "--namespace", shop, "--output=json"];
    let list: Value = serde_json::from_str(&plane.kubectl(get).ok().await?)?;
    let pods = list["items"].as_array().context("a list of Pods")?.iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(pods
        .map(|pod| {
            let metadata = &pod["metadata"];
            (text(&metadata["labels"]["app"]), text(&metadata["name"]))
        })
        .collect())
}
