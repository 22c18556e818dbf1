//! A list of revisions that lacks the newest ones gives the same class as the whole list, or is
//! reported as not enough: checked for every short history of three templates.

use jiff::{SignedDuration, Timestamp};
use rollgate_model::{
    Change, Classification, ClassifiedRequest, MutableTags, NeedsHistory, Request, Revision,
    Revisions,
};
use serde_json::{Value, json};

const TEMPLATES: usize = 3;
const MOST_REVISIONS: u32 = 4;

/// How two revisions of one second are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// The first number of each revision is known, as for ReplicaSets.
    OfCreation,
    /// The numbers decide nothing, as for ControllerRevisions, which keep only their present
    /// number.
    Moving,
}

#[test]
fn stale_list_gives_the_same_class_as_the_whole_list() {
    let mut told = 0;
    each_older_list(Numbers::OfCreation, |by_older, by_whole, _, case| {
        assert_eq!(by_older, by_whole, "{case}");
        told += 1;
    });
    assert!(told > 500, "only {told} older lists told a class");
}

/// The stale list may lack a revision that was created within the second of the present one. Going
/// to it is then a roll-forward, which is right, and a rollback by the whole list.
#[test]
fn stale_list_without_numbers_recognizes_every_undo_and_nothing_else() {
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
fn undo_is_always_a_rollback() {
    for numbers in [Numbers::OfCreation, Numbers::Moving] {
        let mut undone = 0;
        for history in histories() {
            for (old, new) in changes().filter(|(old, new)| goes_back(&history, *old, *new)) {
                let class = class_of(update(old, new).resolve(&known(&history, numbers)));
                assert_eq!(class, Change::Rollback, "{history:?}, {old} to {new}");
                undone += 1;
            }
        }
        assert!(undone > 100, "only {undone} undos");
    }
}

#[test]
fn later_revision_is_no_rollback_where_first_numbers_are_known() {
    for history in histories() {
        for (old, new) in changes() {
            let class = class_of(update(old, new).resolve(&known(&history, Numbers::OfCreation)));
            if history.contains(&old) && !goes_back(&history, old, new) {
                assert_eq!(class, Change::RollForward, "{history:?}, {old} to {new}");
            }
        }
    }
}

/// Calls `check` for each change that a stale list is enough for, with its class, the class by the
/// whole list, and whether the change really goes back.
fn each_older_list(numbers: Numbers, mut check: impl FnMut(Change, Change, bool, &str)) {
    for history in histories() {
        for (old, new) in changes() {
            let by_whole = class_of(update(old, new).resolve(&known(&history, numbers)));
            for lacking in 1..=history.len() {
                let older = known(&history[..history.len() - lacking], numbers);
                if update(old, new).is_resolved_by_stale(&older) {
                    let by_older = class_of(update(old, new).resolve(&older));
                    let case = format!("{history:?}, {old} to {new}, less {lacking}");
                    check(by_older, by_whole, goes_back(&history, old, new), &case);
                }
            }
        }
    }
}

/// Whether the new template existed before the old one.
fn goes_back(history: &[usize], old: usize, new: usize) -> bool {
    let first = |template| history.iter().position(|of| *of == template);
    first(new)
        .zip(first(old))
        .is_some_and(|(new, old)| new < old)
}

#[test]
fn list_without_the_present_template_is_not_enough() {
    let known = |history: &[usize]| known(history, Numbers::OfCreation);
    assert!(!update(0, 1).is_resolved_by_stale(&known(&[1, 2])));
    assert!(update(0, 1).is_resolved_by_stale(&known(&[1, 0])));
}

#[test]
fn stale_list_is_never_enough_where_pods_decide() {
    let mut paused = deployment(0);
    paused["spec"]["paused"] = true.into();
    let resumed = needs_history(paused, deployment(0));
    assert!(!resumed.accepts_stale_revisions());
    assert!(!resumed.is_resolved_by_stale(&known(&[0], Numbers::OfCreation)));
}

/// The template of each revision, the oldest first.
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

/// Two revisions per second, which is the resolution of the API.
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

fn class_of(classified: ClassifiedRequest) -> Change {
    classified.into_rollout().expect("a rollout").change()
}

fn update(old: usize, new: usize) -> NeedsHistory {
    needs_history(deployment(old), deployment(new))
}

fn needs_history(old: Value, new: Value) -> NeedsHistory {
    match Request::update(old, new).classify(&MutableTags::default()) {
        Ok(Classification::NeedsHistory(needs)) => *needs,
        other => panic!("classified without revisions: {other:?}"),
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
