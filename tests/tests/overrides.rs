//! Breaking the glass on a real control plane: what an override lets pass, whom, how often, and what
//! is left of it.

use std::path::Path;

use anyhow::Result;
use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use rollgate_tests::cart::{careful, careless, creation};
use rollgate_tests::control_plane::{ControlPlane, Output, wait_for};
use rollgate_tests::guarded::Guarded;
use serde_json::{Value, json};

const POLICIES: &str = include_str!("overrides/policies.yaml");

#[tokio::test]
#[ignore = "make test"]
async fn override_bound_to_one_template_rejects_another() -> Result<()> {
    let guarded = Guarded::start(2, POLICIES).await?;
    apply(&guarded, &careful("cart:1")).await?.passed();
    give(&guarded, "fix", json!({"singleUse": true})).await?;

    let passed = apply(&guarded, &careless("cart:2")).await?.passed();
    assert!(
        passed.contains("Warning: probes: denied this; override fix lets it pass until "),
        "{passed}"
    );
    assert!(passed.contains(": the shop is down"), "{passed}");
    let uses = status(&guarded, "fix").await?["uses"].clone();
    let deployment = get(&guarded, "deployment/cart").await?;
    assert_eq!(uses[0]["workloadUid"], deployment["metadata"]["uid"]);
    assert_eq!(uses[0]["templateHash"].as_str().map(str::len), Some(32));

    // Back, and forward again to the same template.
    apply(&guarded, &careful("cart:1")).await?.passed();
    apply(&guarded, &careless("cart:2")).await?.passed();
    apply(&guarded, &careful("cart:1")).await?.passed();
    let refused = apply(&guarded, &careless("cart:3")).await?.refused();
    let why = "override fix does not apply: it is for one template, and";
    assert!(refused.contains(why), "{refused}");
    assert_eq!(status(&guarded, "fix").await?["uses"], uses);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn only_one_of_two_replicas_binds_an_override() -> Result<()> {
    let guarded = Guarded::start(2, POLICIES).await?;
    for round in 0..8 {
        let name = format!("race-{round}");
        give(&guarded, &name, json!({"singleUse": true})).await?;
        for replica in [0, 1] {
            wait_for("the replica to know the override", async || {
                let answer = guarded
                    .ask(replica, &review(&guarded, "cart:0", DryRun::Yes))
                    .await?;
                Ok(answer["response"]["allowed"]
                    .as_bool()
                    .filter(|allowed| *allowed))
            })
            .await?;
        }
        let one = review(&guarded, "cart:1", DryRun::No);
        let other = review(&guarded, "cart:2", DryRun::No);
        let (one, other) = join(guarded.ask(0, &one), guarded.ask(1, &other)).await;
        let answers = [one?, other?];
        let passed = answers
            .iter()
            .filter(|answer| answer["response"]["allowed"] == true);
        assert_eq!(passed.count(), 1, "{answers:?}");
        let uses = &status(&guarded, &name).await?["uses"];
        assert_eq!(uses.as_array().map(Vec::len), Some(1), "{uses}");
        guarded
            .kubectl(["delete", "rolloutoverride", &name])
            .ok()
            .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn override_whose_use_cannot_be_recorded_lets_nothing_pass() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let reader = plane.user("reader", &["readers"])?;
    let may_read = [
        "create",
        "clusterrole",
        "readers",
        "--verb=get,list,watch",
        "--resource=*.*",
    ];
    plane.kubectl(may_read).ok().await?;
    let binding = [
        "create",
        "clusterrolebinding",
        "readers",
        "--clusterrole=readers",
        "--group=readers",
    ];
    plane.kubectl(binding).ok().await?;
    let guarded = Guarded::start_as(&reader, 1, POLICIES).await?;
    create(&guarded, "fix", json!({"singleUse": true})).await?;
    let refused = wait_for("the override to be known", async || {
        let refused = apply(&guarded, &careless("cart:1")).await?.refused();
        Ok(refused.contains("override fix").then_some(refused))
    })
    .await?;
    let refused = refused.replace("\n  ", " ");
    let why = "override fix does not apply: its use could not be recorded:";
    assert!(
        refused.contains(why) && refused.contains("cannot patch resource"),
        "{refused}"
    );
    assert_eq!(status(&guarded, "fix").await?["uses"], Value::Null);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn dry_run_uses_an_override_and_records_nothing() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    give(&guarded, "fix", json!({"singleUse": true})).await?;
    let dry_run = guarded.kubectl(["apply", "--filename=-", "--dry-run=server"]);
    let said = dry_run
        .input(careless("cart:1").to_string())
        .run()
        .await?
        .passed();
    assert!(said.contains("override fix lets it pass until "), "{said}");
    assert_eq!(status(&guarded, "fix").await?["uses"], Value::Null);
    // What a dry-run left behind would come before what follows it.
    apply(&guarded, &careless("cart:1")).await?.passed();
    let events = events(&guarded, "RolloutOverridden").await?;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["series"], Value::Null);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn expired_or_deleted_override_lets_nothing_pass() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    // Long enough to be used on a slow machine too.
    let soon = Timestamp::now() + SignedDuration::from_secs(15);
    give(&guarded, "brief", json!({"expires": soon.to_string()})).await?;
    apply(&guarded, &careless("cart:1")).await?.passed();
    wait_for("the end of it", async || {
        let condition = ready(&status(&guarded, "brief").await?);
        Ok((condition["reason"] == "Expired").then_some(()))
    })
    .await?;
    apply(&guarded, &careful("cart:2")).await?.passed();
    let refused = apply(&guarded, &careless("cart:2")).await?.refused();
    assert!(
        refused.contains("override brief does not apply: it expired at 20"),
        "{refused}"
    );

    give(&guarded, "long", json!({})).await?;
    apply(&guarded, &careless("cart:2")).await?.passed();
    apply(&guarded, &careful("cart:2")).await?.passed();
    guarded
        .kubectl(["delete", "rolloutoverride", "long"])
        .ok()
        .await?;
    apply(&guarded, &careless("cart:3")).await?.refused();
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn override_applies_to_its_users_and_policies_alone() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    give(&guarded, "for-ana", json!({"users": ["ana"]})).await?;
    let refused = apply(&guarded, &careless("cart:1")).await?.refused();
    assert!(
        refused.contains("override for-ana does not apply: it is not for the user"),
        "{refused}"
    );
    let ana = guarded.plane.user("ana", &["system:masters"])?;
    let mut frozen = careless("cart:1");
    frozen["metadata"]["labels"] = json!({"freeze": "yes"});
    let refused = apply_by(&guarded, &frozen, &ana).await?.refused();
    let why = "it was not used, because no override lets the rollout pass freeze";
    assert!(refused.replace("\n  ", " ").contains(why), "{refused}");
    apply_by(&guarded, &careless("cart:1"), &ana)
        .await?
        .passed();
    wait_for("the use to be written down", async || {
        let uses = &status(&guarded, "for-ana").await?["uses"];
        Ok((uses[0]["user"] == "ana").then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn override_of_an_unknown_policy_is_not_ready_and_lets_nothing_pass() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    let policies = json!({"policies": ["probes", "prbes"]});
    create(&guarded, "slip", policies).await?;
    wait_for("its status", async || {
        let condition = ready(&status(&guarded, "slip").await?);
        Ok(
            (condition["reason"] == "UnknownPolicy" && condition["status"] == "False")
                .then_some(()),
        )
    })
    .await?;
    let refused = apply(&guarded, &careless("cart:1")).await?.refused();
    assert!(
        refused.contains("override slip does not apply: it names prbes"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn condition_of_another_controller_stays_when_an_override_expires() -> Result<()> {
    let guarded = Guarded::start(1, POLICIES).await?;
    let soon = Timestamp::now() + SignedDuration::from_secs(20);
    give(&guarded, "brief", json!({"expires": soon.to_string()})).await?;
    let seen = json!([{"op": "add", "path": "/status/conditions/-", "value": {
        "type": "Seen",
        "status": "True",
        "reason": "Test",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }}]);
    let patch = [
        "patch",
        "rolloutoverride",
        "brief",
        "--subresource=status",
        "--type=json",
    ];
    let patch = guarded.kubectl(patch).arg("--patch").arg(seen.to_string());
    patch.ok().await?;
    wait_for("it to expire", async || {
        let status = status(&guarded, "brief").await?;
        let conditions = status["conditions"].as_array().expect("a list");
        let reasons: Vec<_> = conditions.iter().map(|one| &one["reason"]).collect();
        Ok((reasons == ["Test", "Expired"]).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn use_of_an_override_is_an_event_of_the_workload() -> Result<()> {
    let guarded = Guarded::start(2, POLICIES).await?;
    apply(&guarded, &careful("cart:1")).await?.passed();
    for _ in 0..3 {
        apply(&guarded, &careless("cart:2")).await?.refused();
    }
    give(&guarded, "fix", json!({})).await?;
    apply(&guarded, &careless("cart:2")).await?.passed();
    let denied = wait_for("the denials to be one Event", async || {
        let events = events(&guarded, "RolloutDenied").await?;
        let counted = events
            .first()
            .and_then(|event| event["series"]["count"].as_i64());
        Ok(counted.filter(|count| *count >= 3).map(|_| events))
    })
    .await?;
    assert_eq!(denied.len(), 1, "{denied:?}");
    events(&guarded, "RolloutOverridden").await?;
    let described = guarded
        .kubectl(["describe", "deployment/cart"])
        .ok()
        .await?;
    for words in [
        "RolloutDenied",
        "RolloutOverridden",
        "probes by override fix until",
        "(the shop is down)",
    ] {
        assert!(described.contains(words), "{words} is not in {described}");
    }
    let audit = guarded.plane.audit()?;
    let kept = audit.iter().any(|event| {
        event["annotations"]
            .to_string()
            .contains("override.fix\":\"passed until")
    });
    assert!(kept, "no audit annotation tells of the override");
    Ok(())
}

/// What a call came to, where it has to be one or the other.
trait Came {
    fn passed(self) -> String;
    fn refused(self) -> String;
}

impl Came for Output {
    fn passed(self) -> String {
        assert!(self.status.success(), "{self}");
        self.to_string()
    }

    fn refused(self) -> String {
        assert!(!self.status.success(), "{self}");
        self.to_string()
    }
}

async fn apply(guarded: &Guarded, object: &Value) -> Result<Output> {
    let apply = guarded.kubectl(["apply", "--filename=-"]);
    apply.input(object.to_string()).run().await
}

async fn apply_by(guarded: &Guarded, object: &Value, kubeconfig: &Path) -> Result<Output> {
    let apply = guarded.kubectl(["apply", "--filename=-"]).by(kubeconfig);
    apply.input(object.to_string()).run().await
}

/// Creates an override of `probes` for the cart, for an hour, and waits until it can be used.
async fn give(guarded: &Guarded, name: &str, more: Value) -> Result<()> {
    create(guarded, name, more).await?;
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "rolloutoverride",
    ];
    guarded.kubectl(wait).arg(name).ok().await?;
    Ok(())
}

async fn create(guarded: &Guarded, name: &str, more: Value) -> Result<()> {
    let mut spec = json!({
        "workload": {"kind": "Deployment", "name": "cart"},
        "policies": ["probes"],
        "reason": "the shop is down",
        "expires": (Timestamp::now() + SignedDuration::from_hours(1)).to_string(),
    });
    let more = more.as_object().expect("fields").clone();
    spec.as_object_mut().expect("fields").extend(more);
    let object = json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutOverride",
        "metadata": {"name": name},
        "spec": spec,
    });
    let create = guarded.kubectl(["create", "--filename=-"]);
    create.input(object.to_string()).ok().await?;
    Ok(())
}

async fn get(guarded: &Guarded, what: &str) -> Result<Value> {
    let text = guarded.kubectl(["get", what, "--output=json"]).ok().await?;
    Ok(serde_json::from_str(&text)?)
}

async fn status(guarded: &Guarded, name: &str) -> Result<Value> {
    let object = get(guarded, &format!("rolloutoverride/{name}")).await?;
    Ok(object["status"].clone())
}

fn ready(status: &Value) -> Value {
    status["conditions"][0].clone()
}

/// The Events with this reason, once there are any.
async fn events(guarded: &Guarded, reason: &str) -> Result<Vec<Value>> {
    let label = format!("--selector=rollgate.dev/reason={reason}");
    wait_for("an Event", async || {
        let get = ["get", "events.events.k8s.io", "--output=json"];
        let list = guarded.kubectl(get).arg(&label).ok().await?;
        let list: Value = serde_json::from_str(&list)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok((!items.is_empty()).then_some(items))
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DryRun {
    Yes,
    No,
}

/// The creation of a careless cart.
fn review(guarded: &Guarded, image: &str, dry_run: DryRun) -> Value {
    let mut review = creation(careless(image), &guarded.namespace);
    review["request"]["dryRun"] = (dry_run == DryRun::Yes).into();
    review
}
