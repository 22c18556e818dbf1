//! The baseline of existing findings: the revision that was created last, not one that a rollback
//! brought back.

use jiff::Timestamp;
use rollgate_model::{Baseline, Request, Revision, Revisions, Rollout};
use serde_json::{Value, json};

#[test]
fn baseline_of_an_ordinary_rollout_is_the_old_object_itself() {
    let rollout = update(
        "cart:2",
        "cart:3",
        &known(&[("cart:1", 1, &[]), ("cart:2", 2, &[])]),
    );
    let (old, baseline) = (rollout.old(), rollout.baseline());
    let (old, baseline) = (old.expect("an old one"), baseline.expect("a baseline"));
    assert!(std::sync::Arc::ptr_eq(old, baseline));
}

#[test]
fn rollback_leaves_the_baseline_at_the_newest_revision() {
    let undone = known(&[("cart:1", 3, &[1]), ("cart:2", 2, &[])]);
    assert_eq!(baseline("cart:1", "cart:9", &undone), Some("cart:2".into()));
    // A policy that matches rollbacks gets the same baseline.
    let back = known(&[("cart:1", 1, &[]), ("cart:2", 2, &[])]);
    assert_eq!(baseline("cart:2", "cart:1", &back), Some("cart:2".into()));
}

#[test]
fn baseline_is_the_old_object_but_for_its_template() {
    let undone = known(&[("cart:1", 3, &[1]), ("cart:2", 2, &[])]);
    let rollout = update("cart:1", "cart:9", &undone);
    let baseline = rollout.baseline().expect("a baseline");
    assert_eq!(baseline.json("/metadata/uid"), Some(&json!("u-1").into()));
    assert_eq!(baseline.name(), "cart");
    let labels = baseline.json("/spec/template/metadata/labels");
    assert_eq!(
        labels,
        Some(&json!({"app": "cart"}).into()),
        "no label of a controller"
    );
}

#[test]
fn unrecorded_template_is_compared_with_the_newest_revision() {
    let revisions = known(&[("cart:1", 1, &[])]);
    assert_eq!(
        baseline("cart:2", "cart:3", &revisions),
        Some("cart:1".into())
    );
}

#[test]
fn revisions_of_one_second_are_ordered_by_their_first_number() {
    let mut revisions = vec![revision("cart:1", 3, &[1]), revision("cart:2", 2, &[])];
    revisions[0].created = revisions[1].created;
    let known = Revisions::Known(revisions);
    assert_eq!(baseline("cart:1", "cart:9", &known), Some("cart:2".into()));
}

#[test]
fn no_finding_is_existing_where_the_previous_state_is_not_known() {
    let why = || "of a test".to_owned();
    for nothing in [
        Revisions::Known(Vec::new()),
        Revisions::Unknown { why: why() },
    ] {
        assert_eq!(baseline("cart:1", "cart:2", &nothing), None, "{nothing:?}");
    }
    let mut unnumbered = vec![revision("cart:1", 1, &[]), revision("cart:2", 1, &[])];
    unnumbered[0].created = unnumbered[1].created;
    for revision in &mut unnumbered {
        (revision.number, revision.earlier_numbers) = (None, None);
    }
    assert_eq!(
        baseline("cart:1", "cart:9", &Revisions::Known(unnumbered)),
        None
    );
}

#[test]
fn without_a_cluster_the_old_object_is_the_baseline() {
    let why = "of a test".to_owned();
    let out_of_reach = Revisions::NoCluster { why };
    assert_eq!(
        baseline("cart:1", "cart:2", &out_of_reach),
        Some("cart:1".into())
    );
}

/// Whoever may change a Deployment can delete its earlier revisions by `revisionHistoryLimit: 0`,
/// after a rollback to the first one.
#[test]
fn deleting_the_newer_revision_after_a_rollback_makes_no_finding_existing() {
    let forgotten = known(&[("cart:1", 3, &[1])]);
    assert_eq!(baseline("cart:1", "cart:9", &forgotten), None);
    let rollout = update("cart:1", "cart:9", &forgotten);
    assert_eq!(
        rollout.change_note(),
        Some(
            "revisions newer than cart-cart:1 were deleted, so every finding counts as new, also where the fault existed before"
        )
    );
}

/// The same of a StatefulSet, whose ControllerRevisions keep no first number.
#[test]
fn deleting_all_other_controller_revisions_after_a_rollback_makes_no_finding_existing() {
    let of = |numbers: &[(&str, i64)]| {
        let revisions = numbers.iter().enumerate().map(|(day, (image, number))| {
            let created = format!("2026-01-{:02}T00:00:00Z", day + 1);
            let mut revision = revision(image, *number, &[]);
            revision.created = created.parse().expect("an instant");
            revision.earlier_numbers = None;
            revision
        });
        baseline("cart:1", "cart:9", &Revisions::Known(revisions.collect()))
    };
    assert_eq!(of(&[("cart:1", 3), ("cart:2", 2)]), Some("cart:2".into()));
    assert_eq!(of(&[("cart:1", 3)]), None, "the second was deleted");
    assert_eq!(of(&[("cart:1", 1)]), Some("cart:1".into()));
}

#[test]
fn baseline_is_known_although_the_oldest_revisions_were_pruned() {
    let short = known(&[("cart:7", 7, &[])]);
    assert_eq!(baseline("cart:7", "cart:8", &short), Some("cart:7".into()));
    let huge = known(&[("cart:7", i64::MAX, &[i64::MIN])]);
    assert_eq!(
        baseline("cart:7", "cart:8", &huge),
        None,
        "and nothing overflows"
    );
}

#[test]
fn created_workload_has_no_baseline() {
    let rollout = rollout(None, deployment("cart:1"), &Revisions::Known(Vec::new()));
    assert!(rollout.baseline().is_none());
}

#[test]
fn baseline_of_a_restart_is_the_old_object() {
    let mut restarted = deployment("cart:1");
    restarted["spec"]["template"]["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/restartedAt": "now"});
    let unread = Revisions::Unknown {
        why: "of a test".to_owned(),
    };
    let rollout = rollout(Some(deployment("cart:1")), restarted, &unread);
    assert_eq!(image(&rollout), Some("cart:1".into()));
}

#[test]
fn baseline_can_be_replaced() {
    let revisions = known(&[("cart:1", 1, &[]), ("cart:2", 2, &[])]);
    let rollout = update("cart:2", "cart:3", &revisions);
    assert!(
        rollout
            .clone()
            .with_baseline(Baseline::nothing())
            .baseline()
            .is_none()
    );
    assert!(rollout.baseline().is_some());
}

fn baseline(old: &str, new: &str, revisions: &Revisions) -> Option<String> {
    image(&update(old, new, revisions))
}

fn image(rollout: &Rollout) -> Option<String> {
    let containers = rollout.baseline()?.containers();
    containers.first().map(|container| container.image.clone())
}

fn update(old: &str, new: &str, revisions: &Revisions) -> Rollout {
    rollout(Some(deployment(old)), deployment(new), revisions)
}

fn rollout(old: Option<Value>, new: Value, revisions: &Revisions) -> Rollout {
    let request = Request::of_objects(old, Some(new)).expect("a new object");
    let classified = request.classify_with(revisions).expect("valid objects");
    classified.into_rollout().expect("a rollout")
}

/// Image, present number and earlier numbers of each, in the order of their creation.
fn known(history: &[(&str, i64, &[i64])]) -> Revisions {
    let of = |(second, (image, number, earlier)): (i64, &(&str, i64, &[i64]))| {
        let mut revision = revision(image, *number, earlier);
        revision.created = Timestamp::from_second(second).expect("a time");
        revision
    };
    Revisions::Known((0..).zip(history).map(of).collect())
}

fn revision(image: &str, number: i64, earlier: &[i64]) -> Revision {
    let mut template = deployment(image)["spec"]["template"].take();
    template["metadata"]["labels"]["pod-template-hash"] = "abc".into();
    let mut revision = Revision::new(format!("cart-{image}"), Timestamp::UNIX_EPOCH, template);
    revision.number = Some(number);
    revision.earlier_numbers = Some(earlier.to_vec());
    revision
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1"},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}
