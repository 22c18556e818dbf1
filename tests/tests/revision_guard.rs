//! The guard of revisions, by kubectl on a real control plane: controllers and restorers pass it, nobody
//! else does; wrong names of controllers stop nothing; and the off switch takes it out with the webhook.

use std::time::Duration;

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, Tool, wait_for};
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for};
use rollgate_tests::server::binary;
use serde_json::{Value, json};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/chart");

/// Nothing new goes, for ever.
const FREEZE: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: freeze}
spec:
  module: {builtin: time-window}
  settings: {timeZone: UTC, deny: [{reason: the shop is busy, span: {start: 2020-01-01T00:00}}]}
  match: {changes: [roll-forward, resume, release]}
";

const CART: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: main, image: 'cart:1', resources: {requests: {cpu: 100m}}}]}
";

#[tokio::test]
#[ignore = "make test"]
async fn guard_lets_controllers_write_revisions_and_denies_others() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let _installation = guarded(&plane, &[]).await?;
    enforced(&plane).await?;
    let shop = Shop::open(&plane, "shop").await?;

    shop.jo(["set", "image", "deployment/cart", "main=cart:2"])
        .ok()
        .await?;
    shop.settled("cart:2").await?;
    shop.refuses_forged_revisions().await?;
    shop.leaves_the_rest_of_a_revision_alone().await?;
    shop.leaves_replica_sets_of_others_alone().await?;

    shop.jo(["rollout", "undo", "deployment/cart"]).ok().await?;
    shop.settled("cart:1").await?;
    let scale = ["autoscale", "deployment/cart", "--min=3", "--max=4"];
    shop.admin(scale).ok().await?;
    wait_for("the autoscaler to scale", async || {
        let replicas = [
            "get",
            "deployment/cart",
            "--output=jsonpath={.spec.replicas}",
        ];
        Ok((shop.admin(replicas).ok().await? == "3").then_some(()))
    })
    .await?;

    // Orphaned, adopted again, and deleted in the foreground.
    let before = shop.revisions().await?;
    shop.jo(["delete", "deployment/cart", "--cascade=orphan"])
        .ok()
        .await?;
    assert!(
        shop.revisions()
            .await?
            .iter()
            .all(|one| one["metadata"]["ownerReferences"].is_null())
    );
    shop.jo(["create", "--filename=-"]).input(CART).ok().await?;
    wait_for("the ReplicaSets to be adopted again", async || {
        let now = shop.revisions().await?;
        let owned = |one: &Value| one["metadata"]["ownerReferences"][0]["name"] == "cart";
        Ok((now.len() == before.len() && now.iter().all(owned)).then_some(()))
    })
    .await?;
    let foreground = [
        "delete",
        "deployment/cart",
        "--cascade=foreground",
        "--timeout=60s",
    ];
    shop.jo(foreground).ok().await?;
    assert_eq!(shop.revisions().await?, Vec::<Value>::new());

    shop.jo(["create", "--filename=-"]).input(CART).ok().await?;
    shop.settled("cart:1").await?;
    shop.jo(["delete", "all", "--all", "--timeout=60s"])
        .ok()
        .await?;
    shop.jo(["create", "--filename=-"]).input(CART).ok().await?;
    shop.settled("cart:1").await?;
    let delete = ["delete", "namespace", "shop", "--timeout=60s"];
    plane.kubectl(delete).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn guard_lets_only_named_users_restore_a_backup() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let restorers = r#"revisionGuard.restorers={"users":["velero"],"groups":["restorers"]}"#;
    let _installation = guarded(&plane, &["--set-json", restorers]).await?;
    enforced(&plane).await?;
    let shop = Shop::open(&plane, "shop").await?;
    let mut backup = shop.revisions().await?.remove(0);
    backup["metadata"] = json!({
        "name": backup["metadata"]["name"],
        "labels": backup["metadata"]["labels"],
        "annotations": backup["metadata"]["annotations"],
    });
    shop.jo(["delete", "deployment/cart", "--timeout=60s"])
        .ok()
        .await?;
    wait_for("the ReplicaSet to go", async || {
        Ok(shop.revisions().await?.is_empty().then_some(()))
    })
    .await?;

    let create = |kubeconfig: std::path::PathBuf| {
        let create = shop.admin(["create", "--dry-run=server", "--filename=-"]);
        create.input(backup.to_string()).by(&kubeconfig)
    };
    let binding = [
        "create",
        "clusterrolebinding",
        "restore",
        "--clusterrole=cluster-admin",
    ];
    let subjects = ["--user=velero", "--user=ops", "--user=another"];
    plane.kubectl(binding).args(subjects).ok().await?;
    create(plane.user("velero", &[])?).ok().await?;
    create(plane.user("ops", &["restorers"])?).ok().await?;
    let refused = create(plane.user("another", &[])?).refused().await?;
    assert!(
        refused.contains("the user another is no controller"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn guard_with_wrong_controllers_only_warns_and_its_condition_names_the_right_user()
-> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut installation = guarded(&plane, &[]).await?;
    enforced(&plane).await?;
    let shop = Shop::open(&plane, "shop").await?;

    // While nobody is there to take care, too.
    installation.end();
    upgrade(
        &plane,
        &[
            "--set-json",
            r#"revisionGuard.controllers=["system:someone"]"#,
        ],
    )
    .await?;
    shop.jo(["set", "image", "deployment/cart", "main=cart:2"])
        .ok()
        .await?;
    shop.settled("cart:2").await?;

    restart(&plane, &mut installation).await?;
    let wait = ["wait", "--timeout=90s", "--for=condition=Enforced=False"];
    plane.kubectl(wait).arg(policy(&plane).await?).ok().await?;
    let condition = wait_for("the condition to name the user", async || {
        let condition = enforcement(&plane).await?;
        Ok((condition["reason"] == "ControllerRefused").then_some(condition))
    })
    .await?;
    let message = condition["message"].as_str().unwrap_or_default();
    for expected in [
        "system:serviceaccount:kube-system:deployment-controller",
        "revisionGuard.controllers",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    let events = ["get", "events", "--namespace", NAMESPACE, "--output=name"];
    let about = "--selector=rollgate.dev/reason=RevisionGuardWarnsOnly";
    wait_for("an Event", async || {
        let events = plane.kubectl(events).arg(about).ok().await?;
        Ok((!events.is_empty()).then_some(()))
    })
    .await?;
    assert_eq!(actions(&plane).await?, r#"["Warn","Audit"]"#);
    shop.jo(["set", "image", "deployment/cart", "main=cart:3"])
        .ok()
        .await?;
    shop.settled("cart:3").await?;
    let forged = shop
        .jo(["create", "--filename=-"])
        .input(forged("cart-evil"));
    let warned = forged.run().await?;
    assert!(warned.status.success(), "{warned}");
    assert!(
        warned.stderr.contains("only controllers create revisions"),
        "{warned}"
    );

    installation.end();
    upgrade(&plane, &["--reset-values"]).await?;
    restart(&plane, &mut installation).await?;
    enforced(&plane).await?;
    shop.jo(["create", "--filename=-"])
        .input(self::forged("cart-other"))
        .refused()
        .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn deleting_revisions_turns_no_roll_forward_into_a_rollback() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = guarded(&plane, &[]).await?;
    enforced(&plane).await?;
    let shop = Shop::open(&plane, "shop").await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    shop.jo(["set", "image", "deployment/cart", "main=cart:2"])
        .ok()
        .await?;
    shop.settled("cart:2").await?;
    frozen(&plane, &installation, &shop).await?;

    let forward = ["set", "image", "deployment/cart", "main=evil:1"];
    for cascade in ["orphan", "background", "foreground"] {
        for revision in shop.revisions().await? {
            let name = revision["metadata"]["name"].as_str().unwrap_or_default();
            let delete = shop.jo(["delete", "replicaset", name]);
            delete.arg(format!("--cascade={cascade}")).ok().await?;
            shop.settled("cart:2").await?;
            let refused = shop.jo(forward).refused().await?;
            assert!(refused.contains("roll-forward of"), "{cascade}: {refused}");
        }
    }
    // What was shown to work before there was a guard.
    shop.jo(["create", "--filename=-"])
        .input(forged("cart-evil"))
        .refused()
        .await?;
    shop.jo(forward).refused().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn off_switch_removes_webhook_and_guard_until_it_is_on_again() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut installation = guarded(&plane, &[]).await?;
    enforced(&plane).await?;
    let shop = Shop::open(&plane, "shop").await?;
    frozen(&plane, &installation, &shop).await?;
    let forward = [
        "set",
        "image",
        "deployment/cart",
        "main=cart:2",
        "--dry-run=server",
    ];

    let elsewhere = rollgate(&plane, &["off", "--namespace=elsewhere"]).await?;
    assert!(
        elsewhere.contains("use --namespace rollgate-system"),
        "{elsewhere}"
    );
    shop.jo(forward).refused().await?;

    let off = rollgate(&plane, &["off"]).await?;
    insta::assert_snapshot!("off", off);
    // Replicas run on, and one starts anew.
    installation.end();
    restart(&plane, &mut installation).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    shop.jo(forward).ok().await?;
    let forged = || {
        shop.jo(["create", "--dry-run=server", "--filename=-"])
            .input(forged("cart-evil"))
    };
    forged().ok().await?;
    assert_eq!(kept(&plane).await?, "");
    assert_eq!(enforcement(&plane).await?["reason"], "SwitchedOff");

    let on = rollgate(&plane, &["on"]).await?;
    insta::assert_snapshot!("on", on);
    enforced(&plane).await?;
    wait_for("the API server to ask again", async || {
        Ok((!shop.jo(forward).run().await?.status.success()).then_some(()))
    })
    .await?;
    forged().refused().await?;

    // The chart's value does it without any replica, and without rights that one could use.
    upgrade(&plane, &["--set=enabled=false"]).await?;
    wait_for("all that refuses something to go", async || {
        let gone = kept(&plane).await?.is_empty() && shop.jo(forward).run().await?.status.success();
        Ok(gone.then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(kept(&plane).await?, "");
    forged().ok().await?;
    let policies = plane
        .kubectl(["get", "clusterrolloutpolicies", "--output=name"])
        .ok()
        .await?;
    assert_eq!(policies, "clusterrolloutpolicy.rollgate.dev/freeze\n");

    installation.end();
    upgrade(&plane, &["--set=enabled=true"]).await?;
    restart(&plane, &mut installation).await?;
    enforced(&plane).await?;
    Ok(())
}

/// A namespace with a Deployment of one revision, and `jo`, who may edit what is in it.
struct Shop<'p> {
    plane: &'p ControlPlane,
    name: &'static str,
}

impl<'p> Shop<'p> {
    async fn open(plane: &'p ControlPlane, name: &'static str) -> Result<Self> {
        let shop = Self { plane, name };
        plane.kubectl(["create", "namespace", name]).ok().await?;
        let binding = [
            "create",
            "rolebinding",
            "jo",
            "--clusterrole=edit",
            "--user=jo",
        ];
        shop.admin(binding).ok().await?;
        wait_for("jo to be allowed to create Deployments", async || {
            let create = shop
                .jo(["create", "--filename=-"])
                .input(CART)
                .run()
                .await?;
            Ok(create.status.success().then_some(()))
        })
        .await?;
        shop.settled("cart:1").await?;
        Ok(shop)
    }

    fn admin<const N: usize>(&self, arguments: [&str; N]) -> Tool {
        self.plane
            .kubectl(arguments)
            .args(["--namespace", self.name])
    }

    fn jo<const N: usize>(&self, arguments: [&str; N]) -> Tool {
        let jo = self.plane.user("jo", &[]).expect("a file can be written");
        self.admin(arguments).by(&jo)
    }

    async fn revisions(&self) -> Result<Vec<Value>> {
        let list = self
            .admin(["get", "replicasets", "--output=json"])
            .ok()
            .await?;
        let mut list: Value = serde_json::from_str(&list)?;
        Ok(serde_json::from_value(list["items"].take())?)
    }

    /// Waits until the Deployment runs this image and all that it asked for is there.
    async fn settled(&self, image: &str) -> Result<()> {
        wait_for("a ReplicaSet with the image", async || {
            let owned = |one: &Value| {
                one["metadata"]["ownerReferences"][0]["name"] == "cart"
                    && one["metadata"]["deletionTimestamp"].is_null()
                    && one["spec"]["template"]["spec"]["containers"][0]["image"] == image
            };
            Ok(self.revisions().await?.iter().any(owned).then_some(()))
        })
        .await?;
        let status = ["rollout", "status", "deployment/cart", "--timeout=60s"];
        self.admin(status).ok().await?;
        Ok(())
    }

    async fn earlier(&self) -> Result<String> {
        let mut all = self.revisions().await?.into_iter();
        let first =
            all.find(|one| one["spec"]["template"]["spec"]["containers"][0]["image"] == "cart:1");
        let first = first.unwrap_or_default();
        Ok(first["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    async fn refuses_forged_revisions(&self) -> Result<()> {
        let refused = self
            .jo(["create", "--filename=-"])
            .input(forged("cart-evil"))
            .refused()
            .await?;
        let plain = refused.replace(
            &policy(self.plane).await?,
            "validatingadmissionpolicy/GUARD",
        );
        let name = policy(self.plane).await?;
        let name = name.trim_start_matches("validatingadmissionpolicy/");
        insta::assert_snapshot!("forged", plain.replace(name, "GUARD"));

        let earlier = self.earlier().await?;
        let uid = [
            "get",
            "deployment/cart",
            "--output=jsonpath={.metadata.uid}",
        ];
        let uid = self.admin(uid).ok().await?;
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": uid, "controller": true,
        });
        let mut owned = forged("cart-owned");
        owned = owned.replace(", pod-template-hash: evil", "");
        let mut owned: Value = rollgate_yaml::read(owned.as_bytes()).remove(0)?.tree;
        owned["metadata"]["ownerReferences"] = json!([owner]);
        let create = ["create", "--filename=-"];
        let refused = self.jo(create).input(owned.to_string()).refused().await?;
        assert!(
            refused.contains("Forbidden") || refused.contains("forbidden"),
            "{refused}"
        );

        // One that is nobody's may be made, and not become a revision.
        let bare = forged("bare").replace("app: cart", "app: bare");
        let bare = bare.replace(", pod-template-hash: evil", "");
        self.jo(create).input(bare).ok().await?;
        let template = r#"{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "evil:1"}]}}}}"#;
        let owners = json!({ "metadata": { "ownerReferences": [owner] } }).to_string();
        let changes = [
            (earlier.as_str(), template),
            (
                earlier.as_str(),
                r#"{"metadata": {"labels": {"pod-template-hash": null}}}"#,
            ),
            (
                earlier.as_str(),
                r#"{"metadata": {"labels": {"rollouts-pod-template-hash": "1"}}}"#,
            ),
            (
                earlier.as_str(),
                r#"{"metadata": {"ownerReferences": null}}"#,
            ),
            (
                earlier.as_str(),
                r#"{"metadata": {"annotations": {"deployment.kubernetes.io/revision": "9"}}}"#,
            ),
            (
                earlier.as_str(),
                r#"{"metadata": {"annotations": {"deployment.kubernetes.io/revision-history": "9"}}}"#,
            ),
            (
                earlier.as_str(),
                r#"{"metadata": {"annotations": {"rollout.argoproj.io/revision": "9"}}}"#,
            ),
            (
                "bare",
                r#"{"metadata": {"labels": {"pod-template-hash": "evil"}}}"#,
            ),
            ("bare", owners.as_str()),
        ];
        for (name, change) in changes {
            let patch = self.jo([
                "patch",
                "replicaset",
                name,
                "--patch",
                change,
                "--type=merge",
            ]);
            let refused = patch.refused().await?;
            assert!(
                refused.contains("the user jo is no controller"),
                "{change}: {refused}"
            );
            let forbidden = refused.contains("(Forbidden)") || refused.contains("is forbidden");
            assert!(forbidden, "{change}: {refused}");
        }
        Ok(())
    }

    async fn leaves_the_rest_of_a_revision_alone(&self) -> Result<()> {
        let earlier = format!("replicaset/{}", self.earlier().await?);
        self.jo(["scale", &earlier, "--replicas=0"]).ok().await?;
        self.jo(["annotate", &earlier, "team=web"]).ok().await?;
        self.jo(["label", &earlier, "team=web"]).ok().await?;
        let slower = r#"{"spec": {"minReadySeconds": 1}}"#;
        self.jo(["patch", &earlier, "--patch", slower]).ok().await?;
        Ok(())
    }

    async fn leaves_replica_sets_of_others_alone(&self) -> Result<()> {
        self.jo(["label", "replicaset/bare", "team=web"])
            .ok()
            .await?;
        let template = r#"{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "bare:2"}]}}}}"#;
        self.jo(["patch", "replicaset/bare", "--patch", template])
            .ok()
            .await?;
        let owner = r#"{"metadata": {"ownerReferences": [{"apiVersion": "shops.example/v1", "kind": "Deployment",
            "name": "bare", "uid": "6e1b3a30-0000-4000-8000-000000000000", "controller": false}]}}"#;
        self.admin(["patch", "replicaset/bare", "--patch", owner])
            .ok()
            .await?;
        self.jo(["delete", "replicaset/bare", "--ignore-not-found"])
            .ok()
            .await?;
        Ok(())
    }
}

/// A ReplicaSet that claims to be a revision of `cart`.
fn forged(name: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: {name}, labels: {{app: cart, pod-template-hash: evil}}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: cart, pod-template-hash: evil}}}}
  template:
    metadata: {{labels: {{app: cart, pod-template-hash: evil}}}}
    spec: {{containers: [{{name: main, image: 'evil:1'}}]}}
"
    )
}

/// The chart, and a replica that does what the chart tells it to.
async fn guarded<'p>(plane: &'p ControlPlane, values: &[&str]) -> Result<Installation<'p>> {
    let install = [
        "install",
        NAME,
        CHART,
        "--namespace",
        NAMESPACE,
        "--create-namespace",
    ];
    plane.helm(install).args(values).ok().await?;
    lead_here(plane).await?;
    let mut installation = Installation::of_what_is_installed(plane).await?;
    restart(plane, &mut installation).await?;
    Ok(installation)
}

async fn upgrade(plane: &ControlPlane, values: &[&str]) -> Result<()> {
    let upgrade = ["upgrade", NAME, CHART, "--namespace", NAMESPACE];
    plane.helm(upgrade).args(values).ok().await?;
    if !values.contains(&"--set=enabled=false") {
        lead_here(plane).await?;
    }
    Ok(())
}

/// Starts a replica with what the chart says of the guard.
async fn restart(plane: &ControlPlane, installation: &mut Installation<'_>) -> Result<()> {
    let arguments = "--output=jsonpath={.spec.template.spec.containers[0].args}";
    let get = [
        "get",
        "deployment",
        NAME,
        "--namespace",
        NAMESPACE,
        arguments,
    ];
    let arguments: Vec<String> = serde_json::from_str(&plane.kubectl(get).ok().await?)?;
    let guard = arguments
        .iter()
        .find(|argument| argument.starts_with("--revision-guard="));
    let guard = guard.map(String::as_str);
    plane.service_account(NAMESPACE, NAME).await?;
    installation.start_all(1, guard.as_slice()).await;
    Ok(())
}

/// Has the Service lead to this machine instead of to Pods that are simulated.
async fn lead_here(plane: &ControlPlane) -> Result<()> {
    let to_here = json!({ "spec": {
        "type": "ExternalName", "externalName": "localhost",
        "clusterIP": null, "clusterIPs": null, "selector": null,
    } });
    let slices = [
        "delete",
        "endpointslices",
        "--all",
        "--namespace",
        NAMESPACE,
    ];
    let patch = [
        "patch",
        "service",
        NAME,
        "--namespace",
        NAMESPACE,
        "--type=merge",
        "--patch",
    ];
    plane.kubectl(patch).arg(to_here.to_string()).ok().await?;
    plane.kubectl(slices).ok().await?;
    Ok(())
}

/// Has a freeze in force, and the API server ask.
async fn frozen(
    plane: &ControlPlane,
    installation: &Installation<'_>,
    shop: &Shop<'_>,
) -> Result<()> {
    plane
        .kubectl(["apply", "--filename=-"])
        .input(FREEZE)
        .ok()
        .await?;
    installation
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    let forward = [
        "set",
        "image",
        "deployment/cart",
        "main=new:1",
        "--dry-run=server",
    ];
    wait_for("the API server to ask", async || {
        Ok((!shop.jo(forward).run().await?.status.success()).then_some(()))
    })
    .await
}

/// The guard's policy, as kubectl names it.
async fn policy(plane: &ControlPlane) -> Result<String> {
    let get = ["get", "validatingadmissionpolicies", "--output=name"];
    let all = plane.kubectl(get).ok().await?;
    let mut guards = all
        .lines()
        .filter(|name| name.contains("-revisions-") && !name.ends_with("-probe"));
    let guard = guards.next().unwrap_or_default();
    let (_, name) = guard.split_once('/').unwrap_or_default();
    Ok(format!("validatingadmissionpolicy/{name}"))
}

/// The condition that says how the guard stands.
async fn enforcement(plane: &ControlPlane) -> Result<Value> {
    let get = ["get", &policy(plane).await?, "--output=json"];
    let policy: Value = serde_json::from_str(&plane.kubectl(get).ok().await?)?;
    let conditions = policy["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let mut ours = conditions.filter(|condition| condition["type"] == "Enforced");
    Ok(ours.next().cloned().unwrap_or_default())
}

/// Waits until the guard refuses, as a person would.
async fn enforced(plane: &ControlPlane) -> Result<()> {
    wait_for("the guard to be in force", async || {
        let now = enforcement(plane).await?;
        anyhow::ensure!(now["status"] == "True", "{now:#}");
        Ok(Some(()))
    })
    .await?;
    assert_eq!(actions(plane).await?, r#"["Deny"]"#);
    // The API server follows the binding, some moments behind what it tells of it.
    let create = [
        "create",
        "--dry-run=server",
        "--namespace=default",
        "--filename=-",
    ];
    wait_for("the API server to refuse", async || {
        let forged = plane.kubectl(create).input(forged("nobody"));
        Ok((!forged.run().await?.status.success()).then_some(()))
    })
    .await
}

async fn actions(plane: &ControlPlane) -> Result<String> {
    let actions = "--output=jsonpath={.spec.validationActions}";
    let get = [
        "get",
        "validatingadmissionpolicybinding/rollgate-revisions",
        actions,
    ];
    plane.kubectl(get).ok().await
}

/// What of rollgate refuses something.
async fn kept(plane: &ControlPlane) -> Result<String> {
    let kinds = "validatingwebhookconfigurations,validatingadmissionpolicybindings";
    plane.kubectl(["get", kinds, "--output=name"]).ok().await
}

/// What the program says, on either stream.
async fn rollgate(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let mut command = std::process::Command::new(binary());
    command
        .args(arguments)
        .env("KUBECONFIG", plane.kubeconfig());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8(said)?)
}
