//! The gates that ask the cluster, on a real control plane: each holds a change by kubectl, and lets the
//! same change through once the world is otherwise.

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, Output, wait_for};
use rollgate_tests::installation::{Installation, NAME, NAMESPACE};
use rollgate_tests::report::unbroken;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

/// What policies of this file may be granted, as the chart's value `readableKinds` has it.
const READABLE: &str =
    "pods,services,deployments.apps,statefulsets.apps,daemonsets.apps,jobs.batch";

/// The control plane of this file, with rollgate in it.
async fn plane() -> Result<&'static ControlPlane> {
    static INSTALLED: OnceCell<Mutex<Installation<'static>>> = OnceCell::const_new();
    let plane = ControlPlane::shared().await;
    INSTALLED.get_or_try_init(|| install(plane)).await?;
    Ok(plane)
}

async fn install(plane: &'static ControlPlane) -> Result<Mutex<Installation<'static>>> {
    let rollgate = Installation::new(plane, 1, &[]).await?;
    let role = ["create", "clusterrole", "gates", "--verb=get,list"];
    let resources = format!("--resource={READABLE}");
    plane.kubectl(role).arg(resources).ok().await?;
    let bind = [
        "create",
        "clusterrolebinding",
        "gates",
        "--clusterrole=gates",
    ];
    let account = format!("--serviceaccount={NAMESPACE}:{NAME}");
    plane.kubectl(bind).arg(account).ok().await?;
    Ok(Mutex::new(rollgate))
}

/// A namespace with one gate.
struct Gated {
    plane: &'static ControlPlane,
    namespace: String,
}

impl Gated {
    /// Applies a policy for a new namespace, and waits until it is ready and the API server calls it:
    /// which it does when it holds what `held` shows it.
    async fn new(
        module: &str,
        kinds: &[&str],
        settings: Value,
        granted: &[(&str, &str)],
    ) -> Result<Self> {
        let plane = plane().await?;
        let namespace = plane.namespace(module).await?;
        let gated = Self { plane, namespace };
        gated.policy(module, kinds, &settings, granted).await?;
        Ok(gated)
    }

    /// A ClusterRolloutPolicy for this namespace alone, so that it may read others.
    async fn policy(
        &self,
        module: &str,
        kinds: &[&str],
        settings: &Value,
        granted: &[(&str, &str)],
    ) -> Result<()> {
        let grants = granted
            .iter()
            .map(|(api_version, kind)| json!({ "apiVersion": api_version, "kind": kind }));
        let policy = json!({
            "apiVersion": "rollgate.dev/v1alpha1",
            "kind": "ClusterRolloutPolicy",
            "metadata": { "name": self.namespace },
            "spec": {
                "module": { "builtin": module },
                "match": { "namespaces": [self.namespace], "kinds": kinds },
                "settings": settings,
                "grants": { "cluster": grants.collect::<Vec<_>>() },
            },
        });
        self.apply(&policy).await?;
        let of_policy = format!("clusterrolloutpolicy/{}", self.namespace);
        let wait = ["wait", "--for=condition=Ready", "--timeout=60s", &of_policy];
        self.plane.kubectl(wait).ok().await?;
        Ok(())
    }

    async fn run(&self, object: &Value) -> Result<Output> {
        let apply = ["apply", "--filename=-", "--namespace", &self.namespace];
        self.plane
            .kubectl(apply)
            .input(object.to_string())
            .run()
            .await
    }

    /// Applies an object, which must pass.
    async fn apply(&self, object: &Value) -> Result<()> {
        let output = self.run(object).await?;
        anyhow::ensure!(output.status.success(), "{object}: {output}");
        Ok(())
    }

    /// Waits until an object would be refused with these words: the registration and the status of
    /// workloads are some moments late. It is a dry-run, so that nothing passes too early.
    async fn held(&self, object: &Value, words: &str) -> Result<()> {
        let mut last = None;
        let dry_run = ["apply", "--dry-run=server", "--filename=-", "--namespace"];
        let what = format!("a hold with `{words}`");
        let held = wait_for(&what, async || {
            let apply = self.plane.kubectl(dry_run).arg(&self.namespace);
            let output = apply.input(object.to_string()).run().await?;
            let is_held = !output.status.success() && unbroken(&output.stderr).contains(words);
            last = Some(output);
            Ok(is_held.then_some(()))
        });
        held.await.map_err(|error| match last {
            Some(last) => error.context(last),
            None => error,
        })
    }

    /// Applies an object until it passes.
    async fn passes(&self, object: &Value) -> Result<()> {
        let mut last = None;
        let passed = wait_for("it to pass", async || {
            let output = self.run(object).await?;
            let passed = output.status.success();
            last = Some(output);
            Ok(passed.then_some(()))
        });
        passed.await.map_err(|error| match last {
            Some(last) => error.context(last),
            None => error,
        })
    }

    /// Waits until the rollout of a workload is complete.
    async fn rolled_out(&self, workload: &str) -> Result<()> {
        let status = ["rollout", "status", "--timeout=60s", "--namespace"];
        let status = self.plane.kubectl(status).args([&self.namespace, workload]);
        status.ok().await?;
        Ok(())
    }

    /// Sets the annotation of a workload, which is no rollout.
    async fn annotate(&self, workload: &str, annotation: &str) -> Result<()> {
        let annotate = ["annotate", "--overwrite", "--namespace", &self.namespace];
        let annotate = self.plane.kubectl(annotate).args([workload, annotation]);
        annotate.ok().await?;
        Ok(())
    }
}

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const STATEFUL_SET: (&str, &str) = ("apps/v1", "StatefulSet");
const DAEMON_SET: (&str, &str) = ("apps/v1", "DaemonSet");
const POD: (&str, &str) = ("v1", "Pod");
const SERVICE: (&str, &str) = ("v1", "Service");
const JOB: (&str, &str) = ("batch/v1", "Job");

/// How the Pods of a Deployment fare.
#[derive(Clone, Copy)]
enum Fate {
    Ready,
    NeverReady,
}

/// A Deployment with the label `app: NAME` and two Pods.
fn deployment(name: &str, image: &str, fate: Fate) -> Value {
    let mut labels = json!({ "app": name });
    if let Fate::NeverReady = fate {
        labels["tests.rollgate.dev/pod"] = json!("never-ready");
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "main", "image": image }] },
            },
        },
    })
}

fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "selector": { "app": app }, "ports": [{ "port": 80 }] },
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn service_switches_to_the_other_colour_once_that_is_available() -> Result<()> {
    let granted = [POD, DEPLOYMENT, STATEFUL_SET];
    let settings = json!({ "availableFor": "2s" });
    let shop = Gated::new("blue-green", &["Service"], settings, &granted).await?;
    shop.apply(&deployment("blue", "shop:1", Fate::Ready))
        .await?;
    shop.apply(&deployment("green", "shop:2", Fate::NeverReady))
        .await?;
    shop.rolled_out("deployment/blue").await?;
    shop.passes(&service("shop", "blue")).await?;
    let switched = service("shop", "green");
    shop.held(&switched, "is not available in full").await?;
    shop.apply(&deployment("green", "shop:2", Fate::Ready))
        .await?;
    shop.passes(&switched).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn second_rollout_waits_for_the_first() -> Result<()> {
    let granted = [DEPLOYMENT, STATEFUL_SET, DAEMON_SET];
    let shop = Gated::new("concurrency", &["Deployment"], json!({}), &granted).await?;
    for name in ["cart", "web"] {
        shop.passes(&deployment(name, "shop:1", Fate::Ready))
            .await?;
        shop.rolled_out(&format!("deployment/{name}")).await?;
    }
    shop.apply(&deployment("web", "shop:2", Fate::NeverReady))
        .await?;
    let next = deployment("cart", "shop:2", Fate::Ready);
    shop.held(&next, "At most 1 workloads may roll at once")
        .await?;
    // A rollback is not evaluated.
    let undo = ["rollout", "undo", "deployment/web", "--namespace"];
    shop.plane.kubectl(undo).arg(&shop.namespace).ok().await?;
    shop.passes(&next).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn rollout_waits_until_its_dependency_exists_and_is_available() -> Result<()> {
    let settings = json!({ "annotation": "needs" });
    let shop = Gated::new(
        "dependencies-first",
        &["Deployment"],
        settings,
        &[DEPLOYMENT],
    )
    .await?;
    let mut cart = deployment("cart", "shop:1", Fate::Ready);
    cart["metadata"]["annotations"] = json!({ "needs": "Deployment/db" });
    shop.held(&cart, "does not exist").await?;
    shop.apply(&deployment("db", "db:1", Fate::NeverReady))
        .await?;
    shop.held(&cart, "is rolling").await?;
    shop.apply(&deployment("db", "db:1", Fate::Ready)).await?;
    shop.passes(&cart).await?;
    shop.annotate("deployment/db", "needs=Deployment/cart")
        .await?;
    let mut next = cart.clone();
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2");
    shop.rolled_out("deployment/db").await?;
    let output = shop.run(&next).await?;
    assert!(output.status.success(), "{output}");
    assert!(
        unbroken(&output.stderr).contains("depend on each other"),
        "{output}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn stable_takes_an_image_once_its_canary_has_run_it() -> Result<()> {
    let settings = json!({ "availableFor": "2s" });
    let shop = Gated::new(
        "canary-first",
        &["Deployment"],
        settings,
        &[DEPLOYMENT, POD],
    )
    .await?;
    let next = deployment("cart", "shop:2", Fate::Ready);
    shop.held(&next, "There is no canary").await?;
    shop.apply(&deployment("cart-canary", "shop:1", Fate::Ready))
        .await?;
    shop.held(&next, "it runs shop:1").await?;
    shop.apply(&deployment("cart-canary", "shop:2", Fate::Ready))
        .await?;
    shop.passes(&next).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn production_takes_an_image_once_staging_has_run_it() -> Result<()> {
    let staging = plane().await?.namespace("staging").await?;
    let settings = json!({ "namespace": staging, "availableFor": "2s" });
    let shop = Gated::new("promotion", &["Deployment"], settings, &[DEPLOYMENT, POD]).await?;
    let next = deployment("cart", "shop:2", Fate::Ready);
    shop.held(&next, "does not exist").await?;
    let there = Gated {
        plane: shop.plane,
        namespace: staging,
    };
    there
        .apply(&deployment("cart", "shop:1", Fate::Ready))
        .await?;
    shop.held(&next, "it runs shop:1").await?;
    there
        .apply(&deployment("cart", "shop:2", Fate::Ready))
        .await?;
    shop.passes(&next).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn image_passes_once_its_job_has_completed() -> Result<()> {
    let tests = plane().await?.namespace("tests").await?;
    let settings = json!({ "namespace": tests });
    let shop = Gated::new("evidence", &["Deployment"], settings, &[JOB, POD]).await?;
    let next = deployment("cart", "shop:2", Fate::Ready);
    shop.held(&next, "has tested shop:2").await?;
    let there = Gated {
        plane: shop.plane,
        namespace: tests,
    };
    let mut job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "smoke",
            "labels": { "rollgate.dev/workload": "cart", "rollgate.dev/namespace": shop.namespace },
            "annotations": { "rollgate.dev/images": "shop:2" },
        },
        "spec": {
            "suspend": true,
            "template": { "spec": {
                "restartPolicy": "Never",
                "containers": [{ "name": "main", "image": "smoke:1" }],
            } },
        },
    });
    there.apply(&job).await?;
    shop.held(&next, "is suspended").await?;
    job["spec"]["suspend"] = json!(false);
    there.apply(&job).await?;
    shop.passes(&next).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn arms_keep_away_from_production_and_from_each_other() -> Result<()> {
    let granted = [SERVICE, DEPLOYMENT, STATEFUL_SET, DAEMON_SET];
    let kinds = ["Deployment", "Service"];
    let shop = Gated::new("experiment-guard", &kinds, json!({}), &granted).await?;
    let arm = |name: &str, image: &str, fate| {
        let mut arm = deployment(name, image, fate);
        arm["spec"]["template"]["metadata"]["labels"]["rollgate.dev/experiment"] =
            json!("checkout");
        arm
    };
    shop.apply(&service("cart", "arm-a")).await?;
    shop.held(
        &arm("arm-a", "shop:1", Fate::Ready),
        "is an arm of the experiment checkout",
    )
    .await?;
    shop.passes(&service("cart", "cart")).await?;
    for name in ["arm-a", "arm-b"] {
        shop.passes(&arm(name, "shop:1", Fate::Ready)).await?;
        shop.rolled_out(&format!("deployment/{name}")).await?;
    }
    shop.held(
        &service("cart", "arm-b"),
        "is an arm of the experiment checkout",
    )
    .await?;
    shop.apply(&arm("arm-a", "shop:2", Fate::NeverReady))
        .await?;
    let next = arm("arm-b", "shop:2", Fate::Ready);
    shop.held(&next, "another arm of the experiment checkout, is rolling")
        .await?;
    shop.passes(&arm("arm-a", "shop:2", Fate::Ready)).await?;
    shop.passes(&next).await
}
