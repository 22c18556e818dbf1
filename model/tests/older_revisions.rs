//! A list of revisions that lacks the newest ones tells the class that the whole list tells, or says
//! that it does not: shown for every short history of three templates.

use jiff::{SignedDuration, Timestamp};
use rollgate_model::{
    Asker, Change, Operation, Read, Request, Reviewed, Revision, Revisions, Rollout, SubResource,
    Unsettled,
};
use serde_json::{Value, json};

const TEMPLATES: usize = 3;
const MOST_REVISIONS: u32 = 4;

#[test]
fn what_an_older_list_tells_the_whole_one_tells_too() {
    let mut told = 0;
    for history in histories() {
        for (old, new) in changes() {
            let class = class_by(&history, old, new);
            for lacking in 1..=history.len() {
                let older = known(&history[..history.len() - lacking]);
                if update(old, new).is_told_by_older(&older) {
                    let by_older = class_of(update(old, new).settle(&older));
                    assert_eq!(
                        by_older, class,
                        "{history:?}, {old} to {new}, less {lacking}"
                    );
                    told += 1;
                }
            }
        }
    }
    assert!(told > 500, "only {told} older lists told a class");
}

#[test]
fn a_list_without_the_present_template_tells_nothing() {
    assert!(!update(0, 1).is_told_by_older(&known(&[1, 2])));
    assert!(update(0, 1).is_told_by_older(&known(&[1, 0])));
}

#[test]
fn what_has_pods_now_is_told_by_the_newest_list_only() {
    let mut paused = deployment(0);
    paused["spec"]["paused"] = true.into();
    let resumed = unsettled(paused, deployment(0));
    assert!(!resumed.may_be_told_by_older());
    assert!(!resumed.is_told_by_older(&known(&[0])));
}

/// Which template each revision has, the oldest first.
fn histories() -> Vec<Vec<usize>> {
    let of_length = |length: u32| {
        (0..TEMPLATES.pow(length)).map(move |number| {
            let digit = |place: u32| number / TEMPLATES.pow(place) % TEMPLATES;
            (0..length).map(digit).collect()
        })
    };
    (1..=MOST_REVISIONS).flat_map(of_length).collect()
}

fn changes() -> impl Iterator<Item = (usize, usize)> {
    let pairs = (0..TEMPLATES).flat_map(|old| (0..TEMPLATES).map(move |new| (old, new)));
    pairs.filter(|(old, new)| old != new)
}

/// Two revisions are created in each second, which is as exact as the API tells it.
fn known(history: &[usize]) -> Revisions {
    let revision = |(index, template): (i64, &usize)| {
        let created = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(index / 2);
        let template = deployment(*template)["spec"]["template"].take();
        Revision::new(format!("cart-{index}"), created, template)
    };
    Revisions::Known((0..).zip(history).map(revision).collect())
}

fn class_by(history: &[usize], old: usize, new: usize) -> Change {
    class_of(update(old, new).settle(&known(history)))
}

fn class_of(reviewed: Reviewed) -> Change {
    match reviewed {
        Reviewed::Rollout(rollout) => rollout.change(),
        Reviewed::NotARollout { why, .. } => panic!("no rollout: {why}"),
    }
}

fn update(old: usize, new: usize) -> Unsettled {
    unsettled(deployment(old), deployment(new))
}

fn unsettled(old: Value, new: Value) -> Unsettled {
    let request = Request {
        operation: Operation::Update,
        sub_resource: SubResource::None,
        namespace: None,
        user: String::new(),
        groups: Vec::new(),
        asker: Asker::Other,
        dry_run: false,
        object: Some(new),
        old_object: Some(old),
    };
    match Rollout::read(request) {
        Ok(Read::Unsettled(unsettled)) => *unsettled,
        other => panic!("told without revisions: {other:?}"),
    }
}

fn deployment(template: usize) -> Value {
    let image = format!("cart:{template}");
    let template = json!({
        "metadata": {"labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template},
    })
}
