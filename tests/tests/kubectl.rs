//! What people read in the terminal: the output of the real kubectl, call by call. The snapshots are
//! the specification; a terminal has 80 columns.

use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rollgate_tests::control_plane::Tool;
use rollgate_tests::guarded::Guarded;
use serde_json::{Value, json};

const POLICIES: &str = include_str!("kubectl/policies.yaml");
/// One container with both probes.
const GOOD: &str = include_str!("kubectl/good.yaml");
/// Another port in its probe, and a second container without one.
const BAD: &str = include_str!("kubectl/bad.yaml");

#[tokio::test]
#[ignore = "make test"]
async fn denial_is_readable_with_every_kubectl_command() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    let apply = |how: &[&str]| guarded.kubectl(["apply", "--filename=-"]).args(how);
    show(
        &guarded,
        "create",
        guarded.kubectl(["create", "--filename=-"]).input(BAD),
    )
    .await?;
    two_revisions(&guarded).await?;
    show(&guarded, "apply", apply(&[]).input(BAD)).await?;
    show(
        &guarded,
        "apply-server-side",
        apply(&["--server-side", "--force-conflicts"]).input(BAD),
    )
    .await?;
    show(&guarded, "apply-force", apply(&["--force"]).input(BAD)).await?;
    show(
        &guarded,
        "apply-dry-run-server",
        apply(&["--dry-run=server"]).input(BAD),
    )
    .await?;
    show(
        &guarded,
        "replace",
        guarded.kubectl(["replace", "--filename=-"]).input(BAD),
    )
    .await?;
    let remove = r#"[{"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}]"#;
    let patch = ["patch", "deployment/cart", "--type=json", "--patch", remove];
    show(&guarded, "patch", guarded.kubectl(patch)).await?;
    let edit = guarded.kubectl(["edit", "deployment/cart"]);
    show(
        &guarded,
        "edit",
        edit.env("EDITOR", "sed -i /readinessProbe:/,/timeoutSeconds:/d"),
    )
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn hold_names_its_end_and_kubectl_does_not_retry() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    two_revisions(&guarded).await?;
    guarded
        .kubectl(["label", "deployment/cart", "freeze=yes"])
        .ok()
        .await?;
    let image = [
        "set",
        "image",
        "deployment/cart",
        "web=registry.example.com/cart:2.0",
    ];
    show(&guarded, "set-image", guarded.kubectl(image)).await?;
    let held = guarded.plane.audit()?.into_iter().filter(|event| {
        event["objectRef"]["namespace"] == guarded.namespace
            && event["verb"] == "patch"
            && event["responseStatus"]["code"] == 403
    });
    assert_eq!(held.count(), 1, "kubectl asked again by itself");

    show(
        &guarded,
        "rollout-restart",
        guarded.kubectl(["rollout", "restart", "deployment/cart"]),
    )
    .await?;
    show(
        &guarded,
        "scale",
        guarded.kubectl(["scale", "deployment/cart", "--replicas=3"]),
    )
    .await?;
    show(
        &guarded,
        "rollout-undo",
        guarded.kubectl(["rollout", "undo", "deployment/cart"]),
    )
    .await?;
    guarded
        .kubectl(["label", "deployment/cart", "keep=yes"])
        .ok()
        .await?;
    show(
        &guarded,
        "delete",
        guarded.kubectl(["delete", "deployment/cart"]),
    )
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn override_is_shown_with_what_it_lets_pass_or_why_not() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    good(&guarded).await?;
    let create = guarded.kubectl(["create", "--filename=-"]);
    create.input(an_override().to_string()).ok().await?;
    let wait = [
        "wait",
        "--for=condition=Ready",
        "rolloutoverride/search-is-down",
    ];
    guarded.kubectl(wait).ok().await?;
    let remove = r#"[{"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}]"#;
    let patch = ["patch", "deployment/cart", "--type=json", "--patch", remove];
    show(&guarded, "passed-by-an-override", guarded.kubectl(patch)).await?;
    settled(&guarded).await?;
    good(&guarded).await?;
    let apply = guarded.kubectl([
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename=-",
    ]);
    show(&guarded, "an-override-that-was-used", apply.input(BAD)).await
}

/// For one template, until a time that no run has another one of.
fn an_override() -> Value {
    let spec = json!({
        "workload": {"kind": "Deployment", "name": "cart"},
        "policies": ["probes"],
        "reason": "search is down, and its probe with it",
        "expires": "2099-01-01T00:00:00Z",
        "singleUse": true,
    });
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutOverride",
        "metadata": {"name": "search-is-down"},
        "spec": spec,
    })
}

/// Rolls the good one out.
async fn good(guarded: &Guarded) -> Result<()> {
    let apply = guarded.kubectl(["apply", "--filename=-"]);
    apply.input(GOOD).ok().await?;
    settled(guarded).await
}

/// Rolls the good one out, and another image of it.
async fn two_revisions(guarded: &Guarded) -> Result<()> {
    good(guarded).await?;
    let image = "web=registry.example.com/cart:1.0.1";
    let set_image = guarded.kubectl(["set", "image", "deployment/cart", image]);
    set_image.ok().await?;
    settled(guarded).await
}

async fn show(guarded: &Guarded, name: &str, call: Tool) -> Result<()> {
    let output = call.run().await?;
    let text = guarded.plain(&output.to_string());
    let lines: Vec<_> = text.lines().map(steady).collect();
    insta::assert_snapshot!(name, lines.join("\n"));
    Ok(())
}

/// A line without what every run has anew: the time, the file of an editor.
fn steady(line: &str) -> String {
    let kept = |before: &str| {
        line.split_inclusive(before)
            .next()
            .filter(|kept| *kept != line)
    };
    if let Some(kept) = kept("Z, in ") {
        return format!("{kept}SO LONG");
    }
    if let Some(kept) = kept("/kubectl-edit-") {
        return format!("{kept}NUMBER.yaml` to try this update again.");
    }
    // The day in UTC, and what it may be in other zones.
    let day = |ago| {
        (Timestamp::now() - SignedDuration::from_hours(ago))
            .strftime("%Y-%m-%d")
            .to_string()
    };
    let days = [day(24), day(0), day(-24)];
    let is_now = |word: &str| days.iter().any(|day| word.contains(day));
    if let Some((before, found)) = line.split_once("found: ")
        && is_now(found)
    {
        return format!("{before}found: NOW");
    }
    let words = line
        .split(' ')
        .map(|word| if is_now(word) { "NOW" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Waits until the controller writes no more to it, and so long that another revision is younger: what
/// was created in the same second cannot be ordered.
async fn settled(guarded: &Guarded) -> Result<()> {
    let status = ["rollout", "status", "deployment/cart", "--timeout=60s"];
    guarded.kubectl(status).ok().await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    Ok(())
}
