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

/// What tells which of two revisions of one second came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// The number that each was created with, as for ReplicaSets.
    OfCreation,
    /// Nothing, as for ControllerRevisions, whose number moves without a trace.
    Moving,
}

#[test]
fn older_list_tells_the_class_that_the_whole_one_tells() {
    let mut told = 0;
    each_older_list(Numbers::OfCreation, |by_older, by_whole, _, case| {
        assert_eq!(by_older, by_whole, "{case}");
        told += 1;
    });
    assert!(told > 500, "only {told} older lists told a class");
}

/// Going to what was created within the present one's second and is not in the older list is a
/// roll-forward by that list, which is the truth, and passes as a rollback by the whole one.
#[test]
fn older_list_without_numbers_refuses_no_undo_and_passes_nothing_else() {
    let mut told = 0;
    each_older_list(Numbers::Moving, |by_older, by_whole, goes_back, case| {
        if by_older == Change::Rollback {
            assert_eq!(by_whole, Change::Rollback, "{case}");
        }
        if goes_back {
            assert_eq!(by_older, Change::Rollback, "{case}");
        }
        told += 1;
    });
    assert!(told > 500, "only {told} older lists told a class");
}

#[test]
fn undo_is_never_refused_within_a_second_or_over_many() {
    for numbers in [Numbers::OfCreation, Numbers::Moving] {
        let mut undone = 0;
        for history in histories() {
            for (old, new) in changes().filter(|(old, new)| goes_back(&history, *old, *new)) {
                let class = class_of(update(old, new).settle(&known(&history, numbers)));
                assert_eq!(class, Change::Rollback, "{history:?}, {old} to {new}");
                undone += 1;
            }
        }
        assert!(undone > 100, "only {undone} undos");
    }
}

#[test]
fn what_was_created_later_is_no_rollback_where_numbers_of_creation_are_known() {
    for history in histories() {
        for (old, new) in changes() {
            let class = class_of(update(old, new).settle(&known(&history, Numbers::OfCreation)));
            if history.contains(&old) && !goes_back(&history, old, new) {
                assert_eq!(class, Change::RollForward, "{history:?}, {old} to {new}");
            }
        }
    }
}

/// Hands `check` each change that an older list tells the class of: that class, the one that the
/// whole list tells, and whether the change really goes back.
fn each_older_list(numbers: Numbers, mut check: impl FnMut(Change, Change, bool, &str)) {
    for history in histories() {
        for (old, new) in changes() {
            let by_whole = class_of(update(old, new).settle(&known(&history, numbers)));
            for lacking in 1..=history.len() {
                let older = known(&history[..history.len() - lacking], numbers);
                if update(old, new).is_told_by_older(&older) {
                    let by_older = class_of(update(old, new).settle(&older));
                    let case = format!("{history:?}, {old} to {new}, less {lacking}");
                    check(by_older, by_whole, goes_back(&history, old, new), &case);
                }
            }
        }
    }
}

/// Whether the new template was there before the old one.
fn goes_back(history: &[usize], old: usize, new: usize) -> bool {
    let first = |template| history.iter().position(|of| *of == template);
    first(new)
        .zip(first(old))
        .is_some_and(|(new, old)| new < old)
}

#[test]
fn a_list_without_the_present_template_tells_nothing() {
    let known = |history: &[usize]| known(history, Numbers::OfCreation);
    assert!(!update(0, 1).is_told_by_older(&known(&[1, 2])));
    assert!(update(0, 1).is_told_by_older(&known(&[1, 0])));
}

#[test]
fn what_has_pods_now_is_told_by_the_newest_list_only() {
    let mut paused = deployment(0);
    paused["spec"]["paused"] = true.into();
    let resumed = unsettled(paused, deployment(0));
    assert!(!resumed.may_be_told_by_older());
    assert!(!resumed.is_told_by_older(&known(&[0], Numbers::OfCreation)));
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
fn known(history: &[usize], numbers: Numbers) -> Revisions {
    let revision = |(index, template): (i64, &usize)| {
        let created = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(index / 2);
        let template = deployment(*template)["spec"]["template"].take();
        let mut revision = Revision::new(format!("cart-{index}"), created, template);
        revision.number = Some(index + 1);
        revision.earlier_numbers = (numbers == Numbers::OfCreation).then(Vec::new);
        revision
    };
    Revisions::Known((0..).zip(history).map(revision).collect())
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
