//! Rotation step by step, without a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use super::pair::Certificate;
use super::pair::Pair;
use super::step::{CertificateTimes, Registered, Step};
use super::stored::Stored;
use crate::cluster::managed_secret::Content as _;

const HOST: &str = "rollgate.system.svc";
const DAY: Duration = Duration::from_secs(86_400);
const TIMES: CertificateTimes = CertificateTimes {
    lifetime: DAY.saturating_mul(90),
    spread: Duration::from_secs(3_600),
};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

fn later(duration: Duration) -> Timestamp {
    now() + duration
}

fn pair(at: Timestamp) -> Pair {
    Pair::make(HOST, at, TIMES.lifetime).expect("a pair")
}

fn begun() -> Stored {
    Stored::begun(pair(now()))
}

fn introduced() -> Stored {
    begun().introduced(pair(later(60 * DAY)), Vec::new())
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
    let (read, damages) = Stored::read(&secret(stored), HOST, at);
    assert!(damages.is_empty(), "{damages:?}");
    assert_eq!(read.data(), stored.data());
    read
}

fn next(stored: &Stored, at: Timestamp) -> Step {
    Step::next(stored, Registered::Something, at, TIMES)
}

#[test]
fn rotation_takes_each_step_by_the_content_of_the_secret() {
    let hour = TIMES.spread;
    let due = later(60 * DAY);
    let spreading = introduced().spreading(due);
    let promoted = spreading.clone().promoted(due + hour);
    let retired = promoted.clone().retired();
    let table = [
        ("fresh", begun(), now(), Step::Wait(due)),
        (
            "a moment before a third is left",
            begun(),
            due - 1.second(),
            Step::Wait(due),
        ),
        ("a third is left", begun(), due, Step::Introduce),
        (
            "introduced, not registered yet",
            introduced(),
            due + hour,
            Step::Spread,
        ),
        ("registered", spreading.clone(), due, Step::Wait(due + hour)),
        ("trusted everywhere", spreading, due + hour, Step::Promote),
        (
            "promoted",
            promoted.clone(),
            due + hour,
            Step::Wait(due + 2 * hour),
        ),
        ("served everywhere", promoted, due + 2 * hour, Step::Retire),
        (
            "retired",
            retired,
            due + 2 * hour,
            Step::Wait(due + 60 * DAY),
        ),
    ];
    for (case, stored, at, step) in table {
        assert_eq!(next(&reread(&stored, at), at), step, "{case}");
    }
}

#[test]
fn both_cas_are_trusted_while_replicas_may_serve_with_either_certificate() {
    let (old, due) = (begun(), later(60 * DAY));
    let old_ca = old.trusted[0].clone();
    let introduced = old.introduced(pair(due), Vec::new());
    let new_ca = introduced.trusted[0].clone();
    assert_ne!(old_ca, new_ca);
    assert_eq!(introduced.trusted, [new_ca.clone(), old_ca.clone()]);
    assert_eq!(
        introduced.current.as_ref().map(|pair| &pair.ca),
        Some(&old_ca)
    );
    let promoted = introduced.spreading(due).promoted(due);
    assert_eq!(promoted.trusted, [new_ca.clone(), old_ca]);
    assert_eq!(
        promoted.current.as_ref().map(|pair| &pair.ca),
        Some(&new_ca)
    );
    assert_eq!(promoted.retired().trusted, [new_ca]);
}

#[test]
fn first_certificate_is_served_at_once_unless_another_is_trusted() {
    let empty = Stored::default();
    assert_eq!(
        Step::next(&empty, Registered::Nothing, now(), TIMES),
        Step::Begin
    );
    assert_eq!(
        Step::next(&empty, Registered::Something, now(), TIMES),
        Step::Introduce
    );
}

#[test]
fn certificate_of_running_replicas_stays_trusted_after_the_secret_is_deleted() {
    let lost = begun();
    let new = Stored::default().introduced(pair(now()), lost.trusted.clone());
    assert_eq!(new.trusted.len(), 2);
    assert_eq!(new.trusted[1], lost.trusted[0]);
    let served = lost.current.expect("a pair").not_after;
    assert!(
        new.to_serve(Some(served), now()).is_none(),
        "a replica that runs keeps what it has"
    );
    assert!(
        new.to_serve(None, now()).is_some(),
        "one that starts takes what comes next"
    );
    assert!(
        new.to_serve(Some(now()), now()).is_some(),
        "and so does one whose certificate has ended"
    );
}

#[test]
fn damaged_entry_is_reported_by_its_key_and_replaced() {
    let other = Pair::make(HOST, now(), TIMES.lifetime).expect("a pair");
    let cases: [(&str, Change, &str); 6] = [
        (
            "no PEM",
            |data, _| put(data, "tls.crt", "x"),
            "`tls.crt`: no certificate is in it",
        ),
        (
            "no key",
            |data, _| drop(data.remove("tls.key")),
            "`tls.crt`: no private key is in it",
        ),
        (
            "the key of another",
            |data, other| put(data, "tls.key", &other.key),
            "`tls.crt`: the certificate and the key cannot be used together",
        ),
        (
            "without its CA",
            |data, _| {
                let alone = Certificate::parse_all(&text(data, "tls.crt"));
                put(data, "tls.crt", &Certificate::to_pem(&alone[..1]));
            },
            "`tls.crt`: the CA that signed it must stand behind the certificate",
        ),
        (
            "signed by another",
            |data, other| {
                let mixed = [
                    Certificate::parse_all(&text(data, "tls.crt"))[0].clone(),
                    other.ca.clone(),
                ];
                put(data, "tls.crt", &Certificate::to_pem(&mixed));
            },
            "`tls.crt`: an API server would not trust it",
        ),
        (
            "a next one cut off",
            |data, other| put(data, "next.crt", &other.chain),
            "`next.crt`: no private key is in it",
        ),
    ];
    for (case, damage, told) in cases {
        let mut secret = secret(&begun());
        damage(secret.data.as_mut().expect("data"), &other);
        let (stored, damages) = Stored::read(&secret, HOST, now());
        let [damage] = damages.as_slice() else {
            panic!("{case}: {damages:?}");
        };
        assert!(damage.to_string().starts_with(told), "{case}: {damage}");
        let step = next(&stored, now());
        assert_eq!(
            step == Step::Introduce,
            stored.current.is_none(),
            "{case}: {step:?}"
        );
        assert_ne!(
            secret.data,
            Some(stored.data()),
            "{case}: it is written anew"
        );
    }
}

#[test]
fn certificate_for_another_host_or_time_counts_as_damaged() {
    let secret = secret(&begun());
    for (host, at) in [("other.system.svc", now()), (HOST, later(91 * DAY))] {
        let (stored, damages) = Stored::read(&secret, host, at);
        assert!(
            stored.current.is_none() && damages.len() == 1,
            "{host} {at}: {damages:?}"
        );
    }
}

#[test]
fn damaged_bundle_is_repaired_by_the_cas_behind_the_certificates() {
    let whole = introduced();
    for damaged in [
        "",
        "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
    ] {
        let mut secret = secret(&whole);
        put(secret.data.as_mut().expect("data"), "ca.crt", damaged);
        let (stored, _) = Stored::read(&secret, HOST, later(60 * DAY));
        assert_eq!(stored.bundle(), whole.bundle());
    }
}

#[test]
fn step_that_started_in_the_future_counts_as_started_now() {
    let ahead = introduced().spreading(later(400 * DAY));
    let at = later(60 * DAY);
    let stored = Stored::read(&secret(&ahead), HOST, at).0;
    assert_eq!(next(&stored, at), Step::Wait(at + TIMES.spread));
}

#[test]
fn both_steps_must_propagate_before_the_old_certificate_expires() {
    assert!(CertificateTimes::default().leave_room());
    let times = |lifetime, spread| CertificateTimes {
        lifetime: Duration::from_secs(lifetime),
        spread: Duration::from_secs(spread),
    };
    assert!(times(60, 10).leave_room());
    assert!(!times(60, 11).leave_room());
    assert!(!times(0, 0).leave_room());
}

#[test]
fn ca_signs_one_certificate_and_its_key_is_not_stored() {
    let pair = pair(now());
    let secret = secret(&Stored::begun(pair.clone()));
    let data = secret.data.expect("data");
    let keys = data
        .values()
        .filter(|text| String::from_utf8_lossy(&text.0).contains("PRIVATE KEY"));
    assert_eq!(keys.count(), 1);
    let lasts = pair.not_after.duration_since(now());
    assert_eq!(lasts, SignedDuration::from_hours(90 * 24));
}

type Data = BTreeMap<String, ByteString>;
type Change = fn(&mut Data, &Pair);

fn put(data: &mut Data, key: &str, text: &str) {
    data.insert(key.to_owned(), ByteString(text.into()));
}

fn text(data: &Data, key: &str) -> String {
    String::from_utf8_lossy(&data[key].0).into_owned()
}
