//! A guest that reads the live cluster while the API server waits for the answer: what it says follows
//! the objects, within what it was granted.

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::installation::{Installation, NAME, NAMESPACE};
use rollgate_tests::keeper::KeptFolder;
use rollgate_tests::trial::Trial;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

/// What the tests share; it lives as long as the process.
struct Installed {
    _rollgate: Mutex<Installation<'static>>,
    _modules: KeptFolder,
}

/// The control plane of this file. rollgate has the module `reader.wasm` there, and may itself read
/// ConfigMaps.
async fn plane() -> Result<&'static ControlPlane> {
    static INSTALLED: OnceCell<Installed> = OnceCell::const_new();
    let plane = ControlPlane::shared().await;
    INSTALLED.get_or_try_init(|| install(plane)).await?;
    Ok(plane)
}

async fn install(plane: &'static ControlPlane) -> Result<Installed> {
    let modules = KeptFolder::new("rollgate-modules-")?;
    std::fs::copy(env!("READER"), modules.path().join("reader.wasm"))?;
    let from = format!("--modules={}", modules.path().display());
    let rollgate = Installation::new(plane, 1, &[&from]).await?;
    // As the chart's value `readableKinds` has it.
    let role = ["create", "clusterrole", "readable", "--verb=get,list"];
    let role = plane.kubectl(role).arg("--resource=configmaps");
    role.ok().await?;
    let bind = ["create", "clusterrolebinding", "readable"];
    let account = format!("--serviceaccount={NAMESPACE}:{NAME}");
    let bind = plane.kubectl(bind).arg("--clusterrole=readable");
    bind.arg(account).ok().await?;
    Ok(Installed {
        _rollgate: Mutex::new(rollgate),
        _modules: modules,
    })
}

/// The grant to read ConfigMaps wherever the policy may.
fn config_maps() -> Value {
    json!([{ "apiVersion": "v1", "kind": "ConfigMap" }])
}

/// Judges Deployments with the label `case: NAME` in a namespace, which the policy's own name begins
/// with: what stands in no namespace, all tests see.
fn cluster_policy(shop: &str, case: &str, settings: &Value, granted: &Value) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "ClusterRolloutPolicy",
        "metadata": { "name": format!("{shop}-{case}") },
        "spec": {
            "module": { "file": "reader.wasm" },
            "settings": settings,
            "match": {
                "namespaces": [shop],
                "labels": { "matchLabels": { "case": case } },
            },
            "grants": { "cluster": granted },
        },
    })
}

/// The same in a namespace of its own.
fn namespaced_policy(shop: &str, case: &str, settings: &Value) -> Value {
    let mut policy = cluster_policy(shop, case, settings, &config_maps());
    policy["kind"] = json!("RolloutPolicy");
    policy["metadata"] = json!({ "name": case, "namespace": shop });
    let spec = policy["spec"]["match"].as_object_mut();
    spec.expect("it is an object").remove("namespaces");
    policy
}

async fn apply(plane: &ControlPlane, policy: &Value) -> Result<String> {
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(policy.to_string()).ok().await
}

/// Writes the ConfigMap `flags`.
async fn flags(plane: &ControlPlane, namespace: &str, word: &str) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await?, namespace);
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "flags", "labels": { "of": "the-shop" } },
        "data": { "is": word },
    });
    let params = PatchParams::apply("tests").force();
    maps.patch("flags", &params, &Patch::Apply(&map)).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn decision_follows_the_objects_of_the_cluster() -> Result<()> {
    let plane = plane().await?;
    let shop = plane.namespace("shop").await?;
    flags(plane, &shop, "closed").await?;
    let closed = format!("{shop}/flags is closed");
    for (case, read) in [
        ("get", json!({ "get": "flags" })),
        ("list", json!({ "list": "of=the-shop" })),
    ] {
        let settings = json!({ "read": read, "namespace": shop });
        let policy = cluster_policy(&shop, case, &settings, &config_maps());
        apply(plane, &policy).await?;
        let trial = Trial::new(plane, &shop, &json!({ "case": case }));
        // Each may be some seconds late.
        trial.refused(&closed).await?;
        flags(plane, &shop, "open").await?;
        trial.passes().await?;
        flags(plane, &shop, "closed").await?;
        trial.refused(&closed).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn fresh_reading_is_never_outdated() -> Result<()> {
    let plane = plane().await?;
    let shop = plane.namespace("shop").await?;
    flags(plane, &shop, "closed").await?;
    let closed = format!("{shop}/flags is closed");
    for (case, read) in [
        ("get-fresh", json!({ "getFresh": "flags" })),
        ("list-fresh", json!({ "listFresh": "of=the-shop" })),
    ] {
        let settings = json!({ "read": read, "namespace": shop });
        let policy = cluster_policy(&shop, case, &settings, &config_maps());
        apply(plane, &policy).await?;
        let trial = Trial::new(plane, &shop, &json!({ "case": case }));
        trial.refused(&closed).await?;
        for _ in 0..5 {
            flags(plane, &shop, "open").await?;
            let output = trial.run().await?;
            assert!(output.status.success(), "{case}: {output}");
            flags(plane, &shop, "closed").await?;
            let output = trial.run().await?;
            assert!(!output.status.success(), "{case}: {output}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn read_without_a_grant_is_refused_and_names_the_grant() -> Result<()> {
    let plane = plane().await?;
    let shop = plane.namespace("shop").await?;
    flags(plane, &shop, "open").await?;
    let elsewhere = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "namespaces": ["other"] }]);
    let other_kind = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet" }]);
    for (case, granted) in [
        ("nothing", json!([])),
        ("elsewhere", elsewhere),
        ("other-kind", other_kind),
    ] {
        let settings = json!({ "read": { "getFresh": "flags" }, "namespace": shop });
        let policy = cluster_policy(&shop, case, &settings, &granted);
        apply(plane, &policy).await?;
        let missing = format!(
            "could not be evaluated: the policy has no grant to read ConfigMap (v1) in namespace `{shop}`; add it to `grants.cluster`"
        );
        let trial = Trial::new(plane, &shop, &json!({ "case": case }));
        trial.refused(&missing).await?;

        let policy = cluster_policy(&shop, case, &settings, &config_maps());
        apply(plane, &policy).await?;
        trial.passes().await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn namespaced_policy_reads_its_own_namespace_only() -> Result<()> {
    let plane = plane().await?;
    let (shop, other) = (
        plane.namespace("shop").await?,
        plane.namespace("other").await?,
    );
    flags(plane, &shop, "closed").await?;
    flags(plane, &other, "closed").await?;
    let no_grant = |place: String| format!("has no grant to read ConfigMap (v1) in {place}");
    let own = format!("{shop}/flags is closed");
    let get = json!({ "getFresh": "flags" });
    let list = json!({ "listFresh": "of=the-shop" });
    for (case, read, namespace, told) in [
        ("get-own", &get, shop.as_str(), own.clone()),
        ("list-own", &list, &shop, own),
        (
            "get-other",
            &get,
            &other,
            no_grant(format!("namespace `{other}`")),
        ),
        (
            "list-other",
            &list,
            &other,
            no_grant(format!("namespace `{other}`")),
        ),
        ("list-all", &list, "", no_grant("all namespaces".to_owned())),
    ] {
        let settings = json!({ "read": read, "namespace": namespace });
        apply(plane, &namespaced_policy(&shop, case, &settings)).await?;
        let trial = Trial::new(plane, &shop, &json!({ "case": case }));
        let refusal = trial.refused(&told).await?;
        let of_other = format!("{other}/flags");
        assert!(!refusal.contains(&of_other), "{case}: {refusal}");
    }
    Ok(())
}
