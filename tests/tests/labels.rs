//! What a policy matches by labels, on a real control plane: labels of an object are no way out of
//! it, and labels of a namespace are a boundary.

use anyhow::Result;
use rollgate_tests::cart;
use rollgate_tests::control_plane::{ControlPlane, Tool, wait_for};
use rollgate_tests::installation::Installation;
use serde_json::{Value, json};

/// Holds everything new of what is critical, for ever.
const CRITICAL: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: critical}
spec:
  module: {builtin: time-window}
  settings: {timeZone: UTC, deny: [{reason: a freeze, span: {start: 2000-01-01T00:00}}]}
  match: {labels: {matchLabels: {tier: critical}}}
";

/// The same for the namespaces of production.
const PRODUCTION: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: production}
spec:
  module: {builtin: time-window}
  settings: {timeZone: UTC, deny: [{reason: a freeze, span: {start: 2000-01-01T00:00}}]}
  match: {namespaceSelector: {matchLabels: {stage: production}}}
";

const PROBES: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: probed}
spec:
  module: {builtin: probes}
  match: {labels: {matchLabels: {tier: critical}}}
";

fn labelled(tier: Option<&str>, deployment: Value) -> String {
    let mut deployment = deployment;
    deployment["metadata"]["labels"] = json!({ "tier": tier, "team": "shop" });
    deployment.to_string()
}

fn apply(plane: &ControlPlane, namespace: &str, object: impl Into<String>) -> Tool {
    let apply = ["apply", "--namespace", namespace, "--filename=-"];
    plane.kubectl(apply).input(object.into())
}

/// A call of kubectl about the cart.
fn about_the_cart(plane: &ControlPlane, namespace: &str, words: &[&str]) -> Tool {
    let at = words
        .iter()
        .position(|word| *word == "CART")
        .expect("it names the cart");
    let mut words = words.to_vec();
    words[at] = "deployment/cart";
    plane.kubectl(["--namespace", namespace]).args(words)
}

#[tokio::test]
#[ignore = "make test"]
async fn removing_a_label_is_evaluated_by_the_policy_that_selects_it() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 1, &[]).await?;
    let shop = plane.namespace("shop").await?;
    apply(
        &plane,
        &shop,
        labelled(Some("critical"), cart::careful("app:1")),
    )
    .ok()
    .await?;
    apply(&plane, "default", CRITICAL).ok().await?;
    installation.in_force("critical").await;
    let cart = |words: &[&str]| about_the_cart(&plane, &shop, words);
    wait_for("the API server to ask", async || {
        let roll = cart(&["set", "image", "CART", "main=app:2", "--dry-run=server"]);
        Ok((!roll.run().await?.status.success()).then_some(()))
    })
    .await?;

    let leaving = [
        cart(&["label", "CART", "tier-"]),
        cart(&["label", "CART", "tier=web", "--overwrite"]),
        apply(&plane, &shop, labelled(None, cart::careful("app:1"))),
        apply(&plane, &shop, labelled(None, cart::careful("app:2"))),
    ];
    for attempt in leaving {
        let refused = attempt.refused().await?;
        assert!(
            refused.contains("critical: Rollouts are frozen"),
            "{refused}"
        );
    }
    let refused = cart(&["label", "CART", "tier-"]).refused().await?;
    assert!(refused.contains("roll-forward of Deployment"), "{refused}");
    assert!(refused.contains("out of the labels"), "{refused}");
    // A restart that takes the label along is more than a restart.
    let patch = json!({
        "metadata": {"labels": {"tier": null}},
        "spec": {"template": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z",
        }}}},
    });
    let restart = cart(&["patch", "CART", "--patch", &patch.to_string()]);
    let refused = restart.refused().await?;
    assert!(refused.contains("restart of Deployment"), "{refused}");
    assert!(
        refused.contains("evaluated as: a roll-forward"),
        "{refused}"
    );

    // What no policy matches by, and what takes nothing out of a match, goes as before.
    cart(&["label", "CART", "team=cart", "--overwrite"])
        .ok()
        .await?;
    cart(&["annotate", "CART", "note=hello"]).ok().await?;
    cart(&["scale", "CART", "--replicas=2"]).ok().await?;
    cart(&["rollout", "restart", "CART"]).ok().await?;
    cart(&["delete", "CART"]).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn existing_finding_does_not_excuse_leaving_a_policy() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 1, &[]).await?;
    let shop = plane.namespace("shop").await?;
    apply(
        &plane,
        &shop,
        labelled(Some("critical"), cart::careless("app:1")),
    )
    .ok()
    .await?;
    apply(&plane, "default", PROBES).ok().await?;
    installation.in_force("probed").await;
    let cart = |words: &[&str]| about_the_cart(&plane, &shop, words);
    let refused = wait_for("the API server to ask", async || {
        let attempt = cart(&["label", "CART", "tier-", "--dry-run=server"])
            .run()
            .await?;
        Ok((!attempt.status.success()).then_some(attempt.stderr))
    })
    .await?;
    assert!(
        refused.contains("probed: Container `main` has no readinessProbe"),
        "{refused}"
    );
    cart(&["set", "image", "CART", "main=app:2"]).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn deleted_object_may_lose_labels_while_rollgate_is_down() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut installation = Installation::new(&plane, 1, &[]).await?;
    let shop = plane.namespace("shop").await?;
    let mut guarded = cart::careful("app:1");
    guarded["metadata"]["finalizers"] = json!(["example.com/wait"]);
    apply(&plane, &shop, labelled(Some("critical"), guarded))
        .ok()
        .await?;
    apply(&plane, "default", CRITICAL).ok().await?;
    let asks = |wanted: &str| {
        let wanted = wanted.to_owned();
        move |registered: &k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration| {
            format!("{registered:?}").contains(&wanted)
        }
    };
    installation.registered(asks("tier")).await?;
    installation.end();
    let cart = |words: &[&str]| about_the_cart(&plane, &shop, words);
    cart(&["label", "CART", "tier-"]).refused().await?;
    cart(&["delete", "CART", "--wait=false"]).ok().await?;
    cart(&["label", "CART", "tier-"]).ok().await?;
    let patch = json!({ "metadata": { "finalizers": null } }).to_string();
    cart(&["patch", "CART", "--patch", &patch]).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn namespace_selector_matches_labelled_namespaces_only() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 1, &[]).await?;
    let production = plane.namespace("production").await?;
    let staging = plane.namespace("staging").await?;
    let label = |namespace: &str, label: &str| {
        let label = ["label", "namespace", namespace, label, "--overwrite"];
        plane.kubectl(label)
    };
    label(&production, "stage=production").ok().await?;
    apply(&plane, "default", PRODUCTION).ok().await?;
    // Another policy that asks for every namespace: the host has to tell them apart.
    apply(&plane, "default", PROBES).ok().await?;
    installation.in_force("production").await;
    installation.in_force("probed").await;
    let create = |namespace: &str| {
        let create = [
            "create",
            "--dry-run=server",
            "--filename=-",
            "--namespace",
            namespace,
        ];
        plane
            .kubectl(create)
            .input(cart::careful("app:1").to_string())
    };
    let refused = wait_for("the API server to ask", async || {
        let attempt = create(&production).run().await?;
        Ok((!attempt.status.success()).then_some(attempt.stderr))
    });
    assert!(refused.await?.contains("production: Rollouts are frozen"));
    create(&staging).ok().await?;

    // A namespace that joins is followed, and so is one that leaves.
    label(&staging, "stage=production").ok().await?;
    label(&production, "stage=test").ok().await?;
    wait_for("the new labels", async || {
        let (joined, left) = (
            create(&staging).run().await?,
            create(&production).run().await?,
        );
        Ok((!joined.status.success() && left.status.success()).then_some(()))
    })
    .await?;
    // One that has just been made is read at once.
    let fresh = plane.namespace("fresh").await?;
    create(&fresh).ok().await?;
    Ok(())
}
