//! The numbers of a rollout and of a budget, as the real controllers compute them: the SDK's arithmetic is
//! theirs.

use anyhow::{Context as _, Result};
use rollgate_sdk::IntOrString::{Int, Text};
use rollgate_sdk::neighbours::Budget;
use rollgate_sdk::scale::Replacement;
use rollgate_sdk::{IntOrString, Kind, Strategy};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a rollout that got stuck stays as it is: enough to see that the controller is done.
const STILL: Duration = Duration::from_secs(2);

/// A rollout whose new Pods never get ready, so that it stops where the strategy says.
struct Stuck {
    kind: Kind,
    replicas: i32,
    surge: Option<IntOrString>,
    unavailable: Option<IntOrString>,
}

fn stuck() -> Vec<Stuck> {
    let text = |text: &str| Some(Text(text.to_owned()));
    let deployment = |replicas, surge, unavailable| Stuck {
        kind: Kind::Deployment,
        replicas,
        surge,
        unavailable,
    };
    let mut table = vec![Stuck {
        kind: Kind::StatefulSet,
        replicas: 3,
        surge: None,
        unavailable: None,
    }];
    for replicas in [1, 2, 3, 5, 10] {
        table.push(deployment(replicas, text("25%"), text("25%")));
        table.push(deployment(replicas, Some(Int(0)), text("25%")));
        table.push(deployment(replicas, text("1%"), Some(Int(0))));
        table.push(deployment(replicas, text("34%"), text("50%")));
        table.push(deployment(replicas, Some(Int(0)), text("99%")));
        table.push(deployment(replicas, Some(Int(1)), Some(Int(4))));
        table.push(deployment(replicas, Some(Int(0)), text("100%")));
    }
    table
}

#[tokio::test]
#[ignore = "make test"]
async fn stuck_rollout_keeps_as_many_pods_as_the_sdk_computes() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("numbers").await?;
    let table = stuck();
    let objects = |template_label: Option<&str>| {
        let items = table.iter().enumerate();
        let items: Vec<_> = items
            .map(|(index, one)| one.manifest(&name(index), template_label))
            .collect();
        json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
    };
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    plane.kubectl(apply).input(objects(None)).ok().await?;
    wait_for("all Pods to be available", async || {
        let mut all = true;
        for (index, one) in table.iter().enumerate() {
            let object = one.read(plane, &shop, &name(index)).await?;
            all &= number(&object, "/status/availableReplicas") == one.replicas;
        }
        Ok(all.then_some(()))
    })
    .await?;
    let next = objects(Some("never-ready"));
    plane.kubectl(apply).input(next).ok().await?;
    for (index, one) in table.iter().enumerate() {
        one.is_stuck_as_computed(plane, &shop, &name(index)).await?;
    }
    // None of them goes on later.
    tokio::time::sleep(STILL).await;
    for (index, one) in table.iter().enumerate() {
        let object = one.read(plane, &shop, &name(index)).await?;
        let available = number(&object, "/status/availableReplicas");
        assert_eq!(available, one.computed().stay, "{object}");
    }
    Ok(())
}

fn name(index: usize) -> String {
    format!("w{index}")
}

impl Stuck {
    fn computed(&self) -> Replacement {
        let strategy = Strategy {
            kind: "RollingUpdate".to_owned(),
            max_unavailable: self.unavailable.clone(),
            max_surge: self.surge.clone(),
            partition: None,
        };
        let computed = Replacement::by_strategy(&self.kind, &strategy, self.replicas);
        computed.expect("a strategy of Kubernetes")
    }

    fn manifest(&self, name: &str, template_label: Option<&str>) -> Value {
        let mut labels = json!({ "app": name });
        if let Some(value) = template_label {
            labels["tests.rollgate.dev/pod"] = value.into();
        }
        let mut manifest = json!({
            "apiVersion": "apps/v1",
            "kind": self.kind.as_str(),
            "metadata": { "name": name },
            "spec": {
                "replicas": self.replicas,
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "main", "image": "app:1" }] },
                },
            },
        });
        if self.kind == Kind::StatefulSet {
            manifest["spec"]["serviceName"] = "none".into();
            manifest["spec"]["podManagementPolicy"] = "Parallel".into();
        } else {
            let numbers = json!({
                "maxSurge": self.surge.as_ref().map(json_of),
                "maxUnavailable": self.unavailable.as_ref().map(json_of),
            });
            manifest["spec"]["strategy"] =
                json!({ "type": "RollingUpdate", "rollingUpdate": numbers });
        }
        manifest
    }

    async fn read(&self, plane: &ControlPlane, shop: &str, name: &str) -> Result<Value> {
        let kind = self.kind.as_str().to_lowercase();
        let get = ["get", &kind, name, "--namespace", shop, "--output=json"];
        Ok(serde_json::from_str(&plane.kubectl(get).ok().await?)?)
    }

    async fn is_stuck_as_computed(
        &self,
        plane: &ControlPlane,
        shop: &str,
        name: &str,
    ) -> Result<()> {
        let computed = self.computed();
        let what = format!(
            "{} of {} replicas, surge {:?}, unavailable {:?}, to get stuck with {computed:?}",
            self.kind, self.replicas, self.surge, self.unavailable
        );
        wait_for(&what, async || {
            let object = self.read(plane, shop, name).await?;
            let stays = number(&object, "/status/availableReplicas") == computed.stay;
            // No more new Pods are started than the rollout needs.
            let total = self.replicas + computed.surge.min(computed.stay);
            let started = number(&object, "/status/replicas") == total;
            Ok((stays && started).then_some(()))
        })
        .await
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn budget_allows_as_many_evictions_as_the_sdk_computes() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let text = |text: &str| Some(Text(text.to_owned()));
    let specs = [
        (Some(Int(1)), None),
        (Some(Int(5)), None),
        (text("50%"), None),
        (text("51%"), None),
        (text("100%"), None),
        (None, Some(Int(0))),
        (None, Some(Int(1))),
        (None, text("25%")),
        (None, text("1%")),
        (None, text("0%")),
        (None, None),
    ];
    for replicas in [1, 2, 3, 7] {
        let shop = plane.namespace("budgets").await?;
        let workload = Stuck {
            kind: Kind::Deployment,
            replicas,
            surge: None,
            unavailable: None,
        };
        let apply = ["apply", "--namespace", &shop, "--filename=-"];
        let manifest = workload.manifest("web", None).to_string();
        plane.kubectl(apply).input(manifest).ok().await?;
        // A Pod that gets ready is told to one of its budgets alone; each of them counts when it is created.
        wait_for("the Pods to be available", async || {
            let object = workload.read(plane, &shop, "web").await?;
            let available = number(&object, "/status/availableReplicas");
            Ok((available == replicas).then_some(()))
        })
        .await?;
        let mut items = Vec::new();
        for (index, (fewest, most)) in specs.iter().enumerate() {
            items.push(json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": { "name": name(index) },
                "spec": {
                    "selector": { "matchLabels": { "app": "web" } },
                    "minAvailable": fewest.as_ref().map(json_of),
                    "maxUnavailable": most.as_ref().map(json_of),
                },
            }));
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        plane.kubectl(apply).input(list.to_string()).ok().await?;
        for (index, (min_available, max_unavailable)) in specs.iter().cloned().enumerate() {
            let budget = Budget {
                name: name(index),
                selector: None,
                min_available,
                max_unavailable,
                unhealthy_pod_eviction_policy: None,
            };
            let computed = budget.allowed_disruptions(replicas).context("a number")?;
            let what = format!("{budget:?} of {replicas} to allow {computed}");
            wait_for(&what, async || {
                let name = name(index);
                let get = ["get", "pdb", &name, "--namespace", &shop, "--output=json"];
                let object: Value = serde_json::from_str(&plane.kubectl(get).ok().await?)?;
                let healthy = number(&object, "/status/currentHealthy") == replicas;
                let allowed = number(&object, "/status/disruptionsAllowed") == computed;
                Ok((healthy && allowed).then_some(()))
            })
            .await?;
        }
    }
    Ok(())
}

fn json_of(value: &IntOrString) -> Value {
    match value {
        Int(number) => (*number).into(),
        Text(text) => text.as_str().into(),
    }
}

/// Returns a number of an object; 0 where it is absent, as controllers leave it out.
fn number(object: &Value, pointer: &str) -> i32 {
    let number = object.pointer(pointer).and_then(Value::as_i64);
    i32::try_from(number.unwrap_or_default()).expect("a small number")
}
