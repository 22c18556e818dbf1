//! Renewal step by step, without a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::recent::RecentPaths;
use super::step::{PathRenewal, PathTimes, Step};
use super::stored::Stored;
use crate::cluster::managed_secret::Content as _;
use crate::server::PathSecret;

const TIMES: PathTimes = PathTimes {
    lifetime: Duration::from_secs(86_400),
    spread: Duration::from_secs(30),
};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

fn renewal() -> PathRenewal {
    PathRenewal::of_this_process(TIMES)
}

fn secret(stored: &Stored) -> Secret {
    let mut annotations = BTreeMap::new();
    stored.annotate(&mut annotations);
    Secret {
        metadata: ObjectMeta {
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        data: Some(stored.data()),
        ..Secret::default()
    }
}

fn reread(stored: &Stored, at: Timestamp) -> Stored {
    let (read, damages) = Stored::read(&secret(stored), at);
    assert_eq!(damages, []);
    let read = read.expect("it can be used");
    assert_eq!(read, *stored);
    read
}

/// One life of a secret: each step by what the one before left, and what is accepted after it.
#[test]
fn replicas_accept_the_registered_secret_before_and_after_each_step_of_a_renewal() {
    let renewal = renewal();
    let mut stored = None;
    let mut registered: Vec<PathSecret> = Vec::new();
    let mut at = now();
    let mut steps = Vec::new();
    for _ in 0..14 {
        let step = Step::next(stored.as_ref(), &registered, at, &renewal);
        steps.push(step);
        match step {
            Step::Wait(until) => at = until,
            Step::Register => {}
            step => stored = Some(reread(&step.take(stored, &registered, at, &renewal), at)),
        }
        let accepted = stored.clone().expect("begun").accepted();
        for named in &registered {
            assert!(accepted.contains(named), "{steps:?}");
        }
        // The registration is written some time later, to what is current then.
        if step != Step::Promote {
            registered = vec![stored.clone().expect("begun").current];
        }
        assert!(accepted.contains(&registered.first().expect("written").clone()));
    }
    let (due, spread) = (now() + TIMES.lifetime, TIMES.spread);
    let renewed = due + spread;
    let expected = [
        Step::Begin,
        Step::Wait(due),
        Step::Introduce,
        Step::Wait(renewed),
        Step::Promote,
        Step::Register,
        Step::Spread,
        Step::Wait(renewed + 10 * spread),
        Step::Retire,
        Step::Wait(renewed + TIMES.lifetime),
        Step::Introduce,
        Step::Wait(renewed + TIMES.lifetime + spread),
        Step::Promote,
        Step::Register,
    ];
    assert_eq!(steps, expected);
}

#[test]
fn process_that_acquires_the_lease_renews_the_secret_of_another_once() {
    let (first, second) = (renewal(), renewal());
    let begun = Stored::begun(None, now(), first.term());
    let named = [begun.current.clone()];
    let due = Step::Wait(now() + TIMES.lifetime);
    assert_eq!(Step::next(Some(&begun), &named, now(), &first), due);
    let next = Step::next(Some(&begun), &named, now(), &second);
    assert_eq!(next, Step::Introduce);
    // A renewal that the first has begun counts for the second.
    let introduced = begun.introduced(PathSecret::generate(), now());
    let promoted = introduced.promoted(now(), second.term()).retired();
    let named = [promoted.current.clone()];
    assert_eq!(Step::next(Some(&promoted), &named, now(), &second), due);
}

#[test]
fn deleted_secret_is_made_again_from_the_registered_one() {
    let named = [PathSecret::generate()];
    let made = Step::Begin.take(None, &named, now(), &renewal());
    assert_eq!(made.current, named[0]);
    assert!(made.next.is_some_and(|next| next != named[0]));
    let first = Step::Begin.take(None, &[], now(), &renewal());
    assert_eq!(first.next, None);
}

/// The registration, and with it an API server, may be one renewal behind what is lost.
#[test]
fn secrets_lost_with_a_deleted_secret_stay_accepted_until_no_api_server_calls_them() {
    let renewal = renewal();
    let (start, overlap) = (Instant::now(), TIMES.overlap());
    let mut recent = RecentPaths::new(overlap);
    let first = Stored::begun(None, now(), renewal.term());
    recent.replace(&first, start);
    let introduced = first.clone().introduced(PathSecret::generate(), now());
    let second = introduced.promoted(now(), renewal.term());
    recent.replace(&second, start);
    let again = Stored::begun(Some(&second.current), now(), renewal.term());
    recent.replace(&again, start);
    let moment = Duration::from_millis(1);
    let accepted = |at| recent.accepted(at);
    let expected = again.accepted();
    assert!(
        expected
            .iter()
            .all(|secret| accepted(start).contains(secret))
    );
    assert!(accepted(start + overlap - moment).contains(&first.current));
    assert_eq!(recent.next_end(), Some(start + overlap));
    assert_eq!(accepted(start + overlap), expected);

    // Damage that replaces the registered one.
    let other = Stored::begun(None, now(), "x");
    recent.replace(&other, start + overlap);
    let accepted = recent.accepted(start + overlap);
    assert!(accepted.contains(&second.current) && !accepted.contains(&first.current));
}

#[test]
fn previous_secret_stays_accepted_while_the_registration_names_it() {
    let renewal = renewal();
    let begun = Stored::begun(None, now(), renewal.term());
    let old = [begun.current.clone()];
    let promoted = begun
        .introduced(PathSecret::generate(), now())
        .promoted(now(), renewal.term());
    let late = now() + 30.hours();
    for stored in [promoted.clone(), promoted.spreading(now())] {
        assert_eq!(
            Step::next(Some(&stored), &old, late, &renewal),
            Step::Register
        );
    }
}

#[test]
fn damaged_secret_is_reported_but_not_shown() {
    let mut damaged = secret(&Stored::begun(None, now(), "x"));
    let data = damaged.data.get_or_insert_default();
    let garbage = || ByteString(b"hidden garbage".to_vec());
    data.insert("next".to_owned(), garbage());
    let (stored, damages) = Stored::read(&damaged, now());
    assert!(stored.is_some_and(|stored| stored.next.is_none()));
    let told: Vec<_> = damages.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`next`: a secret has only small letters and digits"]);
    damaged.data = Some([("current".to_owned(), garbage())].into());
    assert_eq!(Stored::read(&damaged, now()).0, None);
}

#[test]
fn renewal_must_end_before_the_next_starts() {
    let leaves = |lifetime, spread| {
        let (lifetime, spread) = (Duration::from_secs(lifetime), Duration::from_secs(spread));
        PathTimes { lifetime, spread }.leave_room()
    };
    assert!(TIMES.leave_room() && leaves(24, 2) && leaves(1, 0));
    assert!(!leaves(23, 2) && !leaves(0, 0));
}
