//! Going back, on a real control plane: what `serve --cluster` tells as a rollback passes a freeze,
//! and what only looks like one does not.

use std::time::Duration;

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::guarded::Guarded;
use rollgate_tests::report::unbroken;
use serde_json::{Value, json};

/// Nothing new goes, for ever. Restarts, scaling and rollbacks are not asked about.
const FREEZE: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: freeze}
spec:
  module: {builtin: time-window}
  settings: {timeZone: UTC, deny: [{reason: the shop is busy, span: {start: 2020-01-01T00:00}}]}
";

/// Faults that a workload had before are warnings, new ones are denied.
const PROBES: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: probes}
spec: {module: {builtin: probes}}
";

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// How people and machines go back.
#[derive(Clone, Copy)]
enum Way {
    Undo,
    UndoToRevision,
    OldManifest,
    GitOpsRevert,
}

impl Way {
    const ALL: [Self; 4] = [
        Self::Undo,
        Self::UndoToRevision,
        Self::OldManifest,
        Self::GitOpsRevert,
    ];

    /// The name of the workload that goes this way.
    const fn name(self) -> &'static str {
        match self {
            Self::Undo => "undo",
            Self::UndoToRevision => "undo-to-revision",
            Self::OldManifest => "old-manifest",
            Self::GitOpsRevert => "gitops-revert",
        }
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn rollback_is_allowed_during_a_freeze_and_a_roll_forward_is_held() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let workloads = || {
        let of_kind = |kind| Way::ALL.map(|way| (kind, way));
        KINDS.into_iter().flat_map(of_kind)
    };
    for version in ["app:1", "app:2"] {
        let manifests = workloads().map(|(kind, way)| workload(kind, way.name(), version));
        apply(plane, &shop, manifests).await?;
        for (kind, way) in workloads() {
            has_revision_of(plane, &shop, kind, way.name(), version).await?;
        }
        // A creation time has no fractions of a second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    for (kind, way) in workloads() {
        let resource = format!("{kind}/{}", way.name());
        let forward = [
            "set",
            "image",
            &resource,
            "main=app:3",
            "--namespace",
            &shop,
        ];
        let refused = plane.kubectl(forward).refused().await?;
        assert!(refused.contains("roll-forward of"), "{resource}: {refused}");
        let hint = "A rollback is not affected: `kubectl rollout undo` is allowed.";
        assert!(refused.contains(hint), "{resource}: {refused}");
        go_back(plane, &shop, kind, way.name(), way).await?;
        let image = ["get", &resource, "--namespace", &shop, "--output"];
        let template = "jsonpath={.spec.template.spec.containers[0].image}";
        let image = plane.kubectl(image).arg(template).ok().await?;
        assert_eq!(image, "app:1", "{resource}");
        told_as(plane, &shop, way.name(), kind, "rollback")?;
        // What was undone was created later, whatever its number is now.
        let again = [
            "set",
            "image",
            &resource,
            "main=app:2",
            "--namespace",
            &shop,
        ];
        let refused = plane.kubectl(again).refused().await?;
        assert!(refused.contains("roll-forward of"), "{resource}: {refused}");
    }
    Ok(())
}

async fn go_back(plane: &ControlPlane, shop: &str, kind: &str, name: &str, way: Way) -> Result<()> {
    let resource = format!("{kind}/{name}");
    let undo = ["rollout", "undo", &resource, "--namespace", shop];
    let apply = ["apply", "--namespace", shop, "--filename=-"];
    let old = || workload(kind, name, "app:1").to_string();
    let call = match way {
        Way::Undo => plane.kubectl(undo),
        Way::UndoToRevision => plane.kubectl(undo).arg("--to-revision=1"),
        Way::OldManifest => plane.kubectl(apply).input(old()),
        Way::GitOpsRevert => plane
            .kubectl(apply)
            .args([
                "--server-side",
                "--force-conflicts",
                "--field-manager=gitops",
            ])
            .input(old()),
    };
    call.ok().await?;
    Ok(())
}

/// Applies, changes and undoes in one go, as scripts do.
#[tokio::test]
#[ignore = "make test"]
async fn undo_within_one_second_is_allowed_during_a_freeze() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    for kind in KINDS {
        loop {
            let resource = format!("{kind}/cart");
            for version in ["app:1", "app:2"] {
                apply(plane, &shop, [workload(kind, "cart", version)]).await?;
                has_revision_of(plane, &shop, kind, "cart", version).await?;
            }
            if created_in_one_second(plane, &shop, kind).await? {
                break;
            }
            let delete = ["delete", &resource, "--namespace", &shop];
            plane.kubectl(delete).ok().await?;
            has_revisions(plane, &shop, kind, 0).await?;
        }
    }
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    for kind in KINDS {
        go_back(plane, &shop, kind, "cart", Way::Undo).await?;
        told_as(plane, &shop, "cart", kind, "rollback")?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn replica_set_created_by_a_user_is_no_earlier_revision() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    apply(plane, &shop, [workload("Deployment", "cart", "app:1")]).await?;
    has_revision_of(plane, &shop, "Deployment", "cart", "app:1").await?;
    let uid = ["get", "deployment/cart", "--namespace", &shop, "--output"];
    let uid = plane
        .kubectl(uid)
        .arg("jsonpath={.metadata.uid}")
        .ok()
        .await?;
    let create = ["create", "--namespace", &shop, "--filename=-"];
    let forged = replica_set("cart-evil", "other", &uid).to_string();
    plane.kubectl(create).input(forged).ok().await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // The controller makes the present revision anew, so that the forged one is older.
    let selector = "--selector=app=cart,pod-template-hash!=other";
    let delete = ["delete", "replicasets", "--namespace", &shop, selector];
    plane.kubectl(delete).arg("--cascade=orphan").ok().await?;
    has_revision_of(plane, &shop, "Deployment", "cart", "app:1").await?;
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    let evil = workload("Deployment", "cart", "evil:1").to_string();
    let refused = plane.kubectl(apply).input(evil).refused().await?;
    assert!(refused.contains("roll-forward of"), "{refused}");
    let why = "the template is that of cart-evil, but this is no rollback to it: cart-evil does not have the name and labels";
    assert!(unbroken(&refused).contains(why), "{refused}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn revision_from_before_a_recreation_is_no_earlier_revision() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    for version in ["app:1", "app:2"] {
        apply(plane, &shop, [workload("Deployment", "cart", version)]).await?;
        has_revision_of(plane, &shop, "Deployment", "cart", version).await?;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let delete = ["delete", "deployment/cart", "--namespace", &shop];
    plane.kubectl(delete).arg("--cascade=orphan").ok().await?;
    for version in ["app:2", "app:3"] {
        apply(plane, &shop, [workload("Deployment", "cart", version)]).await?;
        let status = ["rollout", "status", "deployment/cart", "--namespace", &shop];
        plane.kubectl(status).ok().await?;
    }
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    let old = workload("Deployment", "cart", "app:1").to_string();
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    let refused = plane.kubectl(apply).input(old).refused().await?;
    assert!(refused.contains("roll-forward of"), "{refused}");
    let why = "is older than this Deployment, which was deleted and created again since";
    assert!(unbroken(&refused).contains(why), "{refused}");
    Ok(())
}

/// What the revisions of the workloads of a kind in this namespace are.
fn revisions_of(kind: &str) -> &'static str {
    match kind {
        "Deployment" => "replicasets",
        _ => "controllerrevisions",
    }
}

/// Whether each revision of the workload `cart` of this kind has the same time of creation.
async fn created_in_one_second(plane: &ControlPlane, shop: &str, kind: &str) -> Result<bool> {
    let owned = format!(
        "jsonpath={{.items[?(@.metadata.ownerReferences[0].kind==\"{kind}\")].metadata.creationTimestamp}}"
    );
    let get = [
        "get",
        revisions_of(kind),
        "--namespace",
        shop,
        "--output",
        &owned,
    ];
    let times = plane.kubectl(get).ok().await?;
    let times: std::collections::BTreeSet<_> = times.split_whitespace().collect();
    Ok(times.len() == 1)
}

fn replica_set(name: &str, hash: &str, owner: &str) -> Value {
    let labels = json!({ "app": "cart", "pod-template-hash": hash });
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "labels": labels,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": owner,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "main", "image": "evil:1", "ports": [{ "containerPort": 80 }] }] },
            },
        },
    })
}

#[tokio::test]
#[ignore = "make test"]
async fn removing_a_probe_with_earlier_images_is_no_rollback() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    for version in ["app:1", "app:2"] {
        apply(plane, &shop, [probed("Deployment", version)]).await?;
        has_revision_of(plane, &shop, "Deployment", "cart", version).await?;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    for version in ["app:1", "app:2"] {
        let unprobed = workload("Deployment", "cart", version).to_string();
        let refused = plane.kubectl(apply).input(unprobed).refused().await?;
        assert!(refused.contains("roll-forward of"), "{version}: {refused}");
        let refused = unbroken(&refused);
        let alike = "has the same images, but this is no rollback to it: the first difference is at /spec/template/spec/containers/0/readinessProbe";
        assert_eq!(refused.contains(alike), version == "app:1", "{refused}");
    }
    let back = probed("Deployment", "app:1").to_string();
    plane.kubectl(apply).input(back).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn rolling_back_and_forth_makes_no_finding_an_existing_one() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let bare = |kind, version| workload(kind, "cart", version);
    for kind in KINDS {
        apply(plane, &shop, [bare(kind, "app:1")]).await?;
        has_revision_of(plane, &shop, kind, "cart", "app:1").await?;
    }
    let guarded = Guarded::over(&shop, PROBES).await?;
    let apply_as = ["apply", "--namespace", &shop, "--filename=-"];
    let faulty = async |kind| {
        let manifest = bare(kind, "app:3").to_string();
        plane.kubectl(apply_as).input(manifest).refused().await
    };
    for kind in KINDS {
        // Nobody was asked about the first one, so what it lacks is existing.
        apply(plane, &shop, [bare(kind, "app:2")]).await?;
        has_revision_of(plane, &shop, kind, "cart", "app:2").await?;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        apply(plane, &shop, [probed(kind, "app:2")]).await?;
        has_revisions(plane, &shop, kind, 3).await?;
        let refused = faulty(kind).await?;
        assert!(refused.contains("no readinessProbe"), "{kind}: {refused}");
        apply(plane, &shop, [bare(kind, "app:2")]).await?;
        told_as(plane, &shop, "cart", kind, "rollback")?;
        let refused = faulty(kind).await?;
        assert!(refused.contains("no readinessProbe"), "{kind}: {refused}");
    }
    // Its controller forgets what came after the one that was gone back to.
    let patch = ["patch", "deployment/cart", "--namespace", &shop, "--patch"];
    let forget = plane
        .kubectl(patch)
        .arg(r#"{"spec": {"revisionHistoryLimit": 0}}"#);
    forget.ok().await?;
    has_revisions(plane, &shop, "Deployment", 1).await?;
    let refused = unbroken(&faulty("Deployment").await?);
    assert!(refused.contains("no readinessProbe"), "{refused}");
    assert!(
        refused.contains("were deleted, so every finding counts as new"),
        "{refused}"
    );
    drop(guarded);
    Ok(())
}

/// Waits until the controller of the workload `cart` keeps so many revisions.
async fn has_revisions(plane: &ControlPlane, shop: &str, kind: &str, number: usize) -> Result<()> {
    let owned = format!(
        "jsonpath={{.items[?(@.metadata.ownerReferences[0].kind==\"{kind}\")].metadata.name}}"
    );
    wait_for("so many revisions", async || {
        let get = [
            "get",
            revisions_of(kind),
            "--namespace",
            shop,
            "--output",
            &owned,
        ];
        let names = plane.kubectl(get).ok().await?;
        Ok((names.split_whitespace().count() == number).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn service_rolls_back_to_the_older_colour_and_not_to_the_newer() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    for colour in ["blue", "green"] {
        apply(plane, &shop, [workload("Deployment", colour, "app:1")]).await?;
        let status = ["rollout", "status", "--namespace", &shop];
        let available = plane.kubectl(status).arg(format!("deployment/{colour}"));
        available.ok().await?;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    apply(plane, &shop, [service("green")]).await?;
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    apply(plane, &shop, [service("blue")]).await?;
    told_as(plane, &shop, "shop", "Service", "rollback")?;
    let forward = ["apply", "--namespace", &shop, "--filename=-"];
    let green = service("green").to_string();
    let refused = plane.kubectl(forward).input(green).refused().await?;
    assert!(refused.contains("release of Service"), "{refused}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn rollback_is_held_with_a_reason_if_revisions_cannot_be_read() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    for version in ["app:1", "app:2"] {
        apply(plane, &shop, [probed("Deployment", version)]).await?;
        has_revision_of(plane, &shop, "Deployment", "cart", version).await?;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let nobody = plane.user("nobody", &[])?;
    let _guarded = Guarded::over_as(&nobody, &shop, FREEZE).await?;
    let undo = ["rollout", "undo", "deployment/cart", "--namespace", &shop];
    let refused = plane.kubectl(undo).refused().await?;
    let refused = unbroken(&refused);
    let why = format!(
        "rollgate could not check whether this is a rollback: rollgate itself may not list replicasets in `{shop}`."
    );
    assert!(refused.contains(&why), "{refused}");
    Ok(())
}

fn workload(kind: &str, name: &str, image: &str) -> Value {
    let container = json!({ "name": "main", "image": image, "ports": [{ "containerPort": 80 }] });
    let mut workload = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [container] },
            },
        },
    });
    if kind == "StatefulSet" {
        workload["spec"]["serviceName"] = name.into();
    }
    workload
}

fn probed(kind: &str, image: &str) -> Value {
    let mut cart = workload(kind, "cart", image);
    let container = &mut cart["spec"]["template"]["spec"]["containers"][0];
    container["readinessProbe"] = json!({ "httpGet": { "path": "/ready", "port": 80 } });
    cart
}

fn service(colour: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "shop" },
        "spec": { "selector": { "app": colour }, "ports": [{ "port": 80 }] },
    })
}

async fn apply(
    plane: &ControlPlane,
    shop: &str,
    manifests: impl IntoIterator<Item = Value>,
) -> Result<()> {
    let list = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": manifests.into_iter().collect::<Vec<_>>(),
    });
    let apply = ["apply", "--namespace", shop, "--filename=-"];
    plane.kubectl(apply).input(list.to_string()).ok().await?;
    Ok(())
}

/// Waits until the controller has written down the revision with this image.
async fn has_revision_of(
    plane: &ControlPlane,
    shop: &str,
    kind: &str,
    name: &str,
    image: &str,
) -> Result<()> {
    let (resource, at) = match kind {
        "Deployment" => (
            "replicasets",
            "{.items[*].spec.template.spec.containers[0].image}",
        ),
        _ => (
            "controllerrevisions",
            "{.items[*].data.spec.template.spec.containers[0].image}",
        ),
    };
    let labels = format!("--selector=app={name}");
    let template = format!("jsonpath={at}");
    wait_for("a revision", async || {
        let get = [
            "get",
            resource,
            "--namespace",
            shop,
            &labels,
            "--output",
            &template,
        ];
        let images = plane.kubectl(get).ok().await?;
        Ok(images.split(' ').any(|found| found == image).then_some(()))
    })
    .await
}

/// The last change of an object was told as this one, as the API server's audit log says.
fn told_as(plane: &ControlPlane, shop: &str, name: &str, kind: &str, change: &str) -> Result<()> {
    let plural = format!("{}s", kind.to_lowercase());
    let events = plane.audit()?;
    let told = events.iter().rev().find_map(|event| {
        let object = &event["objectRef"];
        let ours =
            object["namespace"] == shop && object["name"] == name && object["resource"] == plural;
        let mut annotations = event["annotations"].as_object().filter(|_| ours)?.iter();
        annotations.find_map(|(key, value)| key.ends_with("/change").then(|| value.clone()))
    });
    assert_eq!(told, Some(change.into()), "{kind} {name}");
    Ok(())
}
