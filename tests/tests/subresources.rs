//! Requests that change a workload through one of its subresources, by those who really send them: a
//! HorizontalPodAutoscaler through `/scale`, a promotion of Argo Rollouts through `/status`.

use anyhow::{Context as _, Result};
use rollgate_tests::control_plane::{ControlPlane, Tool, wait_for};
use rollgate_tests::installation::{Installation, asked_for};
use rollgate_tests::report::unbroken;
use rollgate_tests::traffic::careful;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// Who Argo's controller is in its own installation.
const ARGO: &str = "system:serviceaccount:argo-rollouts:argo-rollouts";

/// The control plane of this file, with Argo's kinds, and rollgate with one replica. Its tests take
/// turns: some end that replica.
async fn turn() -> Result<MutexGuard<'static, Installation<'static>>> {
    static INSTALLED: OnceCell<Mutex<Installation<'static>>> = OnceCell::const_new();
    let plane = ControlPlane::shared().await;
    let install = async || {
        plane.install_argo_crds().await?;
        anyhow::Ok(Mutex::new(Installation::new(plane, 0, &[]).await?))
    };
    let mut rollgate = INSTALLED.get_or_try_init(install).await?.lock().await;
    rollgate.end();
    rollgate.start_all(1, &[]).await;
    Ok(rollgate)
}

/// A namespace in which a freeze holds what a policy there names.
struct Shop {
    plane: &'static ControlPlane,
    namespace: String,
}

impl Shop {
    async fn new() -> Result<Self> {
        let plane = ControlPlane::shared().await;
        let namespace = plane.namespace("shop").await?;
        Ok(Self { plane, namespace })
    }

    fn kubectl<const N: usize>(&self, arguments: [&str; N]) -> Tool {
        let here = ["--namespace", &self.namespace];
        self.plane.kubectl(here).args(arguments)
    }

    async fn apply(&self, object: &Value) -> Result<String> {
        let apply = self.kubectl(["apply", "--filename=-"]);
        apply.input(object.to_string()).ok().await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        let get = self.kubectl(["get", kind, name, "--output=json"]);
        Ok(serde_json::from_str(&get.ok().await?)?)
    }

    /// Freezes one class of change.
    async fn freeze(&self, change: &str) -> Result<()> {
        let freeze = json!({
            "apiVersion": "rollgate.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": { "name": "freeze" },
            "spec": {
                "module": { "builtin": "time-window" },
                "match": { "changes": [change] },
                "settings": {
                    "timeZone": "UTC",
                    "deny": [{ "reason": "the shop is busy", "span": { "start": "2000-01-01T00:00" } }],
                },
            },
        });
        self.apply(&freeze).await?;
        Ok(())
    }

    async fn thaw(&self) -> Result<()> {
        let delete = self.kubectl(["delete", "rolloutpolicy", "freeze"]);
        delete.ok().await?;
        Ok(())
    }

    /// Waits until a call is refused because of the freeze, and gives what was said.
    async fn frozen(&self, call: impl Fn() -> Tool) -> Result<String> {
        wait_for("the freeze to be in force", async || {
            let output = call().run().await?;
            let said = unbroken(&output.stderr);
            let held = !output.status.success() && said.contains("the shop is busy");
            Ok(held.then_some(said))
        })
        .await
    }
}

/// Asks for at least so many replicas. Below that, the autoscaler looks at no metrics.
fn autoscaler(least: i32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "cart" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart" },
            "minReplicas": least,
            "maxReplicas": 9,
            "metrics": [{
                "type": "Resource",
                "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } },
            }],
        },
    })
}

impl Shop {
    async fn scaled_to(&self, replicas: i32) -> Result<()> {
        wait_for(
            &format!("the autoscaler to ask for {replicas}"),
            async || {
                let cart = self.get("deployment", "cart").await?;
                Ok((cart["spec"]["replicas"] == replicas).then_some(()))
            },
        )
        .await
    }

    /// What the autoscaler says of its last attempt to scale, once it was refused.
    async fn scaling_refused(&self) -> Result<String> {
        wait_for("the autoscaler to be refused", async || {
            let autoscaler = self.get("horizontalpodautoscaler", "cart").await?;
            let conditions = autoscaler["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            let able = conditions.find(|condition| condition["type"] == "AbleToScale");
            let refused = able.filter(|able| able["reason"] == "FailedUpdateScale");
            Ok(refused.map(|able| unbroken(able["message"].as_str().unwrap_or_default())))
        })
        .await
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn autoscaler_is_held_only_by_a_policy_for_scaling_and_never_by_an_outage() -> Result<()> {
    let mut rollgate = turn().await?;
    let shop = Shop::new().await?;
    shop.apply(&careful()).await?;
    shop.freeze("roll-forward").await?;
    let other_image = [
        "set",
        "image",
        "deployment/cart",
        "main=cart:2",
        "--dry-run=server",
    ];
    shop.frozen(|| shop.kubectl(other_image)).await?;
    shop.apply(&autoscaler(3)).await?;
    shop.scaled_to(3).await?;

    shop.freeze("scale").await?;
    let by_hand = [
        "scale",
        "deployment/cart",
        "--replicas=2",
        "--dry-run=server",
    ];
    shop.frozen(|| shop.kubectl(by_hand)).await?;
    shop.apply(&autoscaler(4)).await?;
    let said = shop.scaling_refused().await?;
    assert!(
        said.contains(
            "admission webhook \"scale.rollgate.dev\" denied the request: scale of Deployment"
        ) && said.contains("the shop is busy"),
        "{said}"
    );
    let cart = shop.get("deployment", "cart").await?;
    assert_eq!(cart["spec"]["replicas"], 3);

    rollgate.end();
    shop.scaled_to(4).await?;
    rollgate.start_all(1, &[]).await;
    shop.frozen(|| shop.kubectl(by_hand)).await?;
    shop.apply(&autoscaler(5)).await?;
    shop.scaling_refused().await?;
    shop.thaw().await?;
    shop.scaled_to(5).await?;
    Ok(())
}

/// A Rollout of which Argo has put one step of a canary in place, and waits.
fn rollout() -> Value {
    let mut rollout = careful();
    rollout["apiVersion"] = json!("argoproj.io/v1alpha1");
    rollout["kind"] = json!("Rollout");
    let steps = json!([{ "setWeight": 20 }, { "pause": {} }, { "setWeight": 60 }]);
    rollout["spec"]["strategy"] = json!({ "canary": { "steps": steps } });
    rollout
}

fn waiting() -> Value {
    json!({ "status": {
        "replicas": 1,
        "currentPodHash": "bbb",
        "stableRS": "aaa",
        "currentStepIndex": 1,
        "controllerPause": true,
        "pauseConditions": [{ "reason": "CanaryPauseStep", "startTime": "2026-01-05T00:00:00Z" }],
    } })
}

impl Shop {
    /// A patch of the Rollout's status, as Argo's own plugin and controller send it.
    fn status(&self, patch: &Value) -> Tool {
        let status = [
            "patch",
            "rollout",
            "cart",
            "--subresource=status",
            "--type=merge",
        ];
        self.kubectl(status).arg("--patch").arg(patch.to_string())
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn promotion_is_evaluated_as_a_release_and_argos_own_steps_aborts_and_outages_pass()
-> Result<()> {
    let mut rollgate = turn().await?;
    let shop = Shop::new().await?;
    let argo = shop.plane.user(ARGO, &[])?;
    let bind = [
        "create",
        "clusterrolebinding",
        "argo",
        "--clusterrole=cluster-admin",
    ];
    let bind = shop.kubectl(bind).arg(format!("--user={ARGO}"));
    bind.ok().await?;
    shop.apply(&rollout()).await?;
    shop.status(&waiting()).ok().await?;
    shop.freeze("release").await?;
    let registered = rollgate.registered(|registered| {
        let asked = asked_for(registered);
        asked.contains(&"promotions.rollgate.dev: rollouts/status".to_owned())
    });
    registered.await?;

    // `kubectl argo rollouts promote`, and `promote --full`.
    let promote = json!({ "status": { "pauseConditions": null } });
    let promote_fully = json!({ "status": { "promoteFull": true } });
    let dry_run = |patch| shop.status(patch).arg("--dry-run=server");
    let said = shop.frozen(|| dry_run(&promote)).await?;
    let release = format!(
        "admission webhook \"promotions.rollgate.dev\" denied the request: release of Rollout {}/cart is held",
        shop.namespace
    );
    assert!(said.contains(&release), "{said}");
    for patch in [&promote, &promote_fully] {
        let said = unbroken(&shop.status(patch).refused().await?);
        assert!(said.contains(&release), "{said}");
    }
    let status = shop.get("rollout", "cart").await?["status"].take();
    assert_eq!(status, waiting()["status"], "nothing of it came through");

    let abort = json!({ "status": { "abort": true } });
    let go_on = json!({ "status": { "abort": false } });
    shop.status(&abort).ok().await?;
    shop.status(&go_on).by(&argo).ok().await?;
    shop.status(&promote).by(&argo).ok().await?;
    let status = shop.get("rollout", "cart").await?["status"].take();
    let pauses = status.get("pauseConditions");
    assert!(pauses.is_none(), "{pauses:?}: Argo's own step passes");
    shop.status(&waiting()).by(&argo).ok().await?;

    rollgate.end();
    shop.status(&promote_fully)
        .ok()
        .await
        .context("an outage stops no promotion")?;
    Ok(())
}
