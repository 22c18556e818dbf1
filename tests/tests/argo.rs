//! The real controller of Argo Rollouts under a freeze: what people ask of it is judged, and nothing
//! of its own is ever refused.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rollgate_tests::control_plane::{ArgoRollouts, ControlPlane, Tool, wait_for};
use rollgate_tests::installation::{Installation, guard_argument};
use rollgate_tests::report::unbroken;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// What policies match that name no changes.
const DEFAULT: [&str; 4] = ["create", "roll-forward", "resume", "release"];
/// Everything that can be matched.
const EVERYTHING: [&str; 8] = [
    "create",
    "restart",
    "rollback",
    "roll-forward",
    "resume",
    "release",
    "scale",
    "delete",
];
const KINDS: [&str; 5] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Rollout",
    "Service",
];

/// A namespace on a control plane where Argo's controller and rollgate run.
struct Shop {
    plane: &'static ControlPlane,
    namespace: String,
    _turn: MutexGuard<'static, Running>,
}

type Running = (ArgoRollouts, Installation<'static>);

impl Shop {
    async fn new() -> Result<Self> {
        static RUNNING: OnceCell<Mutex<Running>> = OnceCell::const_new();
        let plane = ControlPlane::shared().await;
        let run = async || {
            let argo = plane.start_argo_rollouts().await?;
            let rollgate = Installation::new(plane, 1, &[&guard_argument()?]).await?;
            rollgate.guarded().await?;
            anyhow::Ok(Mutex::new((argo, rollgate)))
        };
        let turn = RUNNING.get_or_try_init(run).await?.lock().await;
        let namespace = plane.namespace("shop").await?;
        Ok(Self {
            plane,
            namespace,
            _turn: turn,
        })
    }

    fn kubectl<const N: usize>(&self, arguments: [&str; N]) -> Tool {
        let here = ["--namespace", &self.namespace];
        self.plane.kubectl(here).args(arguments)
    }

    /// `kubectl argo rollouts`.
    fn argo<const N: usize>(&self, arguments: [&str; N]) -> Tool {
        let here = ["--namespace", &self.namespace];
        self.plane.argo_rollouts(arguments).args(here)
    }

    fn applying(&self, object: &Value) -> Tool {
        self.kubectl(["apply", "--filename=-"])
            .input(object.to_string())
    }

    async fn apply(&self, object: &Value) -> Result<()> {
        self.applying(object).ok().await?;
        Ok(())
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        let get = self.kubectl(["get", kind, name, "--output=json"]);
        Ok(serde_json::from_str(&get.ok().await?)?)
    }

    /// Holds these changes of these kinds from now on.
    async fn freeze(&self, kinds: &[&str], changes: &[&str]) -> Result<()> {
        self.apply(&json!({
            "apiVersion": "rollgate.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": { "name": "freeze" },
            "spec": {
                "module": { "builtin": "time-window" },
                "match": { "kinds": kinds, "changes": changes },
                "settings": {
                    "timeZone": "UTC",
                    "deny": [{ "reason": "the shop is busy", "span": { "start": "2000-01-01T00:00" } }],
                },
            },
        }))
        .await
    }

    /// Waits until the freeze is in force: a new Service is held, and so is what other webhooks ask
    /// about, which are registered in the same write.
    async fn frozen(&self) -> Result<()> {
        wait_for("the freeze to be in force", async || {
            let said = self.new_service().run().await?.stderr;
            Ok(said.contains("the shop is busy").then_some(()))
        })
        .await
    }

    async fn thaw(&self) -> Result<()> {
        let delete = self.kubectl(["delete", "rolloutpolicy", "freeze"]);
        delete.ok().await?;
        wait_for("the freeze to be gone", async || {
            Ok(self
                .new_service()
                .run()
                .await?
                .status
                .success()
                .then_some(()))
        })
        .await
    }

    fn new_service(&self) -> Tool {
        let create = ["create", "service", "clusterip", "probe", "--tcp=80"];
        self.kubectl(create).arg("--dry-run=server")
    }

    /// Waits until Argo's controller says so of a Rollout whose present spec it has seen.
    async fn phase(&self, name: &str, phase: &str) -> Result<Value> {
        wait_for(&format!("{name} to be {phase}"), async || {
            let rollout = self.get("rollout", name).await?;
            let seen = rollout["status"]["observedGeneration"].as_str();
            let current = rollout["metadata"]["generation"].to_string();
            let is = rollout["status"]["phase"] == phase && seen == Some(current.as_str());
            Ok(is.then_some(rollout))
        })
        .await
    }

    async fn hash(&self, service: &str) -> Result<Option<String>> {
        let service = self.get("service", service).await?;
        let hash = service["spec"]["selector"]["rollouts-pod-template-hash"].as_str();
        Ok(hash.map(str::to_owned))
    }

    /// The status of a Rollout, patched as the plugin and the controller do.
    fn status(&self, name: &str, status: &Value) -> Tool {
        let patch = json!({ "status": status }).to_string();
        self.kubectl([
            "patch",
            "rollout",
            name,
            "--subresource=status",
            "--type=merge",
        ])
        .arg("--patch")
        .arg(patch)
    }

    /// What Argo's controller asked for here, as `VERB RESOURCE`; nothing of it was refused by
    /// rollgate.
    fn asked_by_the_controller(&self) -> Result<Vec<String>> {
        let mut asked = Vec::new();
        for event in self.plane.audit()? {
            let object = &event["objectRef"];
            let own = event["user"]["username"] == ArgoRollouts::USER;
            if !own || object["namespace"] != self.namespace.as_str() {
                continue;
            }
            let message = event["responseStatus"]["message"]
                .as_str()
                .unwrap_or_default();
            assert!(
                event["responseStatus"]["code"] != 403 && !message.contains("admission webhook"),
                "{event}"
            );
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let sub_resource = object["subresource"].as_str();
            let sub_resource = sub_resource
                .map(|name| format!("/{name}"))
                .unwrap_or_default();
            let call = format!(
                "{} {}{sub_resource}",
                word(&event["verb"]),
                word(&object["resource"])
            );
            if !asked.contains(&call) {
                asked.push(call);
            }
        }
        Ok(asked)
    }
}

/// A call that rollgate must hold as a change of this class.
async fn held(class: &str, call: Tool) -> Result<()> {
    let said = unbroken(&call.refused().await?);
    anyhow::ensure!(
        said.contains(&format!("{class} of")) && said.contains("the shop is busy"),
        "not held as a {class}: {said}"
    );
    Ok(())
}

fn template(image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "cart" } },
        "spec": { "containers": [{ "name": "main", "image": image }] },
    })
}

fn rollout(image: &str, strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": { "name": "cart" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "cart" } },
            "strategy": strategy,
            "template": template(image),
        },
    })
}

fn canary(image: &str) -> Value {
    let steps =
        json!([{ "setWeight": 50 }, { "pause": {} }, { "setWeight": 100 }, { "pause": {} }]);
    rollout(image, &json!({ "canary": { "steps": steps } }))
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "selector": { "app": "cart" }, "ports": [{ "port": 80 }] },
    })
}

#[tokio::test]
#[ignore = "make test"]
async fn canary_is_promoted_only_as_far_as_policies_allow() -> Result<()> {
    let shop = Shop::new().await?;
    shop.apply(&canary("cart:1")).await?;
    let first = shop.phase("cart", "Healthy").await?;
    // A creation time has no fractions of a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    shop.apply(&canary("cart:2")).await?;
    let paused = shop.phase("cart", "Paused").await?;
    let new = paused["status"]["currentPodHash"].clone();
    assert_ne!(first["status"]["stableRS"], new);

    shop.freeze(&KINDS, &EVERYTHING).await?;
    shop.frozen().await?;
    held("release", shop.argo(["promote", "cart"])).await?;
    held("release", shop.argo(["promote", "cart", "--full"])).await?;
    held(
        "roll-forward",
        shop.argo(["set", "image", "cart", "main=cart:3"]),
    )
    .await?;
    let touched = json!([{
        "type": "Progressing", "status": "True", "reason": "touched", "message": "",
        "lastUpdateTime": "2026-01-05T00:00:00Z", "lastTransitionTime": "2026-01-05T00:00:00Z",
    }]);
    for forged in [
        json!({ "currentStepIndex": 2, "conditions": touched }),
        json!({ "stableRS": new }),
        json!({ "pauseConditions": null, "controllerPause": false }),
        json!({ "abort": true, "stableRS": new }),
    ] {
        held("release", shop.status("cart", &forged)).await?;
    }
    let no_steps = json!({ "spec": { "strategy": { "canary": { "steps": null } } } }).to_string();
    let loosen = shop.kubectl(["patch", "rollout", "cart", "--type=merge", "--patch"]);
    held("release", loosen.arg(no_steps)).await?;

    shop.argo(["abort", "cart"]).ok().await?;
    let aborted = shop.phase("cart", "Degraded").await?;
    assert_eq!(aborted["status"]["stableRS"], first["status"]["stableRS"]);
    held("resume", shop.argo(["retry", "rollout", "cart"])).await?;
    shop.thaw().await?;
    shop.argo(["retry", "rollout", "cart"]).ok().await?;
    shop.phase("cart", "Paused").await?;
    shop.argo(["promote", "cart", "--full"]).ok().await?;
    let done = shop.phase("cart", "Healthy").await?;
    assert_eq!(done["status"]["stableRS"], new);

    shop.freeze(&KINDS, &DEFAULT).await?;
    shop.frozen().await?;
    held(
        "roll-forward",
        shop.argo(["set", "image", "cart", "main=cart:3"]),
    )
    .await?;
    shop.argo(["undo", "cart"]).ok().await?;
    let back = shop.phase("cart", "Paused").await?;
    let image = &back["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "cart:1", "an undo passes a freeze");
    let asked = shop.asked_by_the_controller()?;
    assert!(
        asked.contains(&"patch rollouts/status".to_owned()),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn only_argos_controller_may_switch_blue_green() -> Result<()> {
    let shop = Shop::new().await?;
    for name in ["active", "preview"] {
        shop.apply(&service(name)).await?;
    }
    let strategy = json!({ "blueGreen": {
        "activeService": "active", "previewService": "preview", "autoPromotionEnabled": false,
    } });
    shop.apply(&rollout("cart:1", &strategy)).await?;
    shop.phase("cart", "Healthy").await?;
    let stable = shop
        .hash("active")
        .await?
        .context("Argo leads the Service")?;
    shop.apply(&rollout("cart:2", &strategy)).await?;
    shop.phase("cart", "Paused").await?;
    let new = shop
        .hash("preview")
        .await?
        .context("Argo leads the preview")?;
    assert_ne!(stable, new);

    shop.freeze(&KINDS, &EVERYTHING).await?;
    shop.frozen().await?;
    held("release", shop.argo(["promote", "cart"])).await?;
    let patch = |spec: Value| {
        let patch = json!({ "spec": spec }).to_string();
        shop.kubectl(["patch", "service", "active", "--type=merge", "--patch"])
            .arg(patch)
    };
    let hash = "rollouts-pod-template-hash";
    held("release", patch(json!({ "selector": { hash: new } }))).await?;
    held("release", patch(json!({ "selector": { hash: null } }))).await?;
    let outside = json!({ "type": "ExternalName", "externalName": "elsewhere.example" });
    held("release", patch(outside)).await?;
    let mut ahead = service("another");
    ahead["spec"]["selector"][hash] = json!(new);
    held("create", shop.applying(&ahead)).await?;
    let elsewhere = json!({ "activeService": "preview", "previewService": "active" });
    let elsewhere = json!({ "spec": { "strategy": { "blueGreen": elsewhere } } }).to_string();
    let lead = shop.kubectl(["patch", "rollout", "cart", "--type=merge", "--patch"]);
    held("release", lead.arg(elsewhere)).await?;

    shop.argo(["abort", "cart"]).ok().await?;
    shop.phase("cart", "Degraded").await?;
    held("resume", shop.argo(["retry", "rollout", "cart"])).await?;
    shop.thaw().await?;
    shop.argo(["retry", "rollout", "cart"]).ok().await?;
    shop.phase("cart", "Paused").await?;
    shop.freeze(&["Service"], &EVERYTHING).await?;
    shop.frozen().await?;
    shop.argo(["promote", "cart"]).ok().await?;
    shop.phase("cart", "Healthy").await?;
    assert_eq!(shop.hash("active").await?.as_deref(), Some(new.as_str()));
    let asked = shop.asked_by_the_controller()?;
    for call in ["patch services", "patch rollouts/status"] {
        assert!(asked.contains(&call.to_owned()), "{asked:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn argos_controller_may_scale_a_referred_deployment_in_a_freeze() -> Result<()> {
    let shop = Shop::new().await?;
    shop.apply(&json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "cart" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "cart" } },
            "template": template("cart:1"),
        },
    }))
    .await?;
    shop.freeze(&KINDS, &["scale"]).await?;
    let scale = || {
        shop.kubectl([
            "scale",
            "deployment/cart",
            "--replicas=3",
            "--dry-run=server",
        ])
    };
    wait_for("scaling to be held", async || {
        Ok((!scale().run().await?.status.success()).then_some(()))
    })
    .await?;
    let mut refers = canary("none");
    let spec = refers["spec"].as_object_mut().context("a spec")?;
    spec.remove("template");
    let reference = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "scaleDown": "onsuccess",
    });
    spec.insert("workloadRef".to_owned(), reference);
    shop.apply(&refers).await?;
    shop.phase("cart", "Healthy").await?;
    wait_for("Argo to scale the Deployment down", async || {
        let deployment = shop.get("deployment", "cart").await?;
        Ok((deployment["spec"]["replicas"] == 0).then_some(()))
    })
    .await?;
    held("scale", scale()).await?;
    let asked = shop.asked_by_the_controller()?;
    assert!(
        asked.contains(&"update deployments".to_owned()),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn rollout_with_a_workload_ref_is_evaluated_by_the_referred_template() -> Result<()> {
    let shop = Shop::new().await?;
    let deployment = |name: &str, container: &Value| {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name },
            "spec": {
                "replicas": 0,
                "selector": { "matchLabels": { "app": "cart" } },
                "template": {
                    "metadata": { "labels": { "app": "cart" } },
                    "spec": { "containers": [container] },
                },
            },
        })
    };
    let ready = json!({ "exec": { "command": ["true"] } });
    let bare = json!({ "name": "main", "image": "cart:2", "ports": [{ "containerPort": 80 }] });
    let mut probed = bare.clone();
    probed["image"] = "cart:1".into();
    probed["readinessProbe"] = ready;
    shop.apply(&deployment("probed", &probed)).await?;
    shop.apply(&deployment("bare", &bare)).await?;
    shop.apply(&json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": { "name": "probes" },
        "spec": {
            "module": { "builtin": "probes" },
            "match": { "kinds": ["Rollout"] },
            "settings": { "rules": { "liveness-missing": "ignore" } },
        },
    }))
    .await?;
    let referring = |name: &str| {
        let mut rollout = canary("none");
        let spec = rollout["spec"].as_object_mut().context("a spec")?;
        spec.remove("template");
        let reference = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
        spec.insert("workloadRef".to_owned(), reference);
        anyhow::Ok(rollout)
    };
    let refused = async |rollout: &Value| {
        let said = shop.applying(rollout).arg("--dry-run=server").run().await?;
        Ok((!said.status.success()).then(|| unbroken(&said.stderr)))
    };
    let bare = referring("bare")?;
    let said = wait_for("the policy to be in force", async || refused(&bare).await).await?;
    assert!(said.contains("has no readinessProbe"), "{said}");

    shop.apply(&referring("probed")?).await?;
    shop.phase("cart", "Healthy").await?;
    let said = refused(&bare)
        .await?
        .context("another template is judged")?;
    assert!(said.contains("has no readinessProbe"), "{said}");
    let mut decoy = bare.clone();
    decoy["spec"]["template"] = json!({
        "metadata": { "labels": { "app": "cart" } },
        "spec": { "containers": [probed] },
    });
    let said = refused(&decoy).await?.context("the decoy is not judged")?;
    assert!(said.contains("has no readinessProbe"), "{said}");

    let said = refused(&referring("gone")?)
        .await?
        .context("nothing is there")?;
    assert!(
        said.contains("is in Deployment") && said.contains("could not be read"),
        "{said}"
    );
    let mut secret = bare.clone();
    secret["spec"]["workloadRef"] = json!({ "apiVersion": "v1", "kind": "Secret", "name": "key" });
    let said = refused(&secret).await?.context("a Secret is not read")?;
    assert!(
        said.contains("takes a template from a Deployment"),
        "{said}"
    );

    shop.kubectl(["delete", "rollout", "cart"]).ok().await?;
    let delete = shop.kubectl(["delete", "rolloutpolicy", "probes"]);
    delete.ok().await?;
    Ok(())
}

/// A policy for Rollouts alone, and the three kinds that a `workloadRef` may name.
#[tokio::test]
#[ignore = "make test"]
async fn another_template_in_the_referred_object_is_held_for_the_rollout_that_names_it()
-> Result<()> {
    let shop = Shop::new().await?;
    let selector = json!({ "matchLabels": { "app": "cart" } });
    let object = |kind: &str, image: &str| match kind {
        "PodTemplate" => json!({
            "apiVersion": "v1", "kind": kind, "metadata": { "name": "web" },
            "template": template(image),
        }),
        _ => json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "web" },
            "spec": { "replicas": 0, "selector": selector, "template": template(image) },
        }),
    };
    let referring = |kind: &str| {
        let mut rollout = canary("none");
        let spec = rollout["spec"].as_object_mut().expect("a spec");
        spec.remove("template");
        let api_version = if kind == "PodTemplate" {
            "v1"
        } else {
            "apps/v1"
        };
        let reference = json!({ "apiVersion": api_version, "kind": kind, "name": "web" });
        spec.insert("workloadRef".to_owned(), reference);
        rollout
    };
    for kind in ["Deployment", "ReplicaSet", "PodTemplate"] {
        shop.apply(&object(kind, "cart:1")).await?;
        shop.apply(&referring(kind)).await?;
        shop.phase("cart", "Healthy").await?;
        shop.freeze(&["Rollout", "Service"], &DEFAULT).await?;
        shop.frozen().await?;
        let said = shop.applying(&object(kind, "evil:1")).run().await?;
        let said = unbroken(&said.stderr);
        assert!(
            said.contains("roll-forward of Rollout") && said.contains("cart is held"),
            "{kind}: {said}"
        );
        // What no Rollout names is none of its business, and neither is a change beside the template.
        let mut other = object(kind, "evil:1");
        other["metadata"]["name"] = json!("other");
        shop.apply(&other).await?;
        let mut labelled = object(kind, "cart:1");
        labelled["metadata"]["labels"] = json!({ "tier": "web" });
        shop.apply(&labelled).await?;

        shop.thaw().await?;
        shop.kubectl(["delete", "rollout", "cart"]).ok().await?;
        for name in ["web", "other"] {
            shop.kubectl(["delete", kind, name]).ok().await?;
        }
    }
    Ok(())
}
