//! The API's Event of a [`NewEvent`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use sha2::{Digest, Sha256};

use super::NewEvent;

/// The value of `reportingController`.
pub(super) const CONTROLLER: &str = "rollgate.dev/rollgate";
/// The label with the reason, because Events cannot be selected by the reason itself.
const REASON_LABEL: &str = "rollgate.dev/reason";

/// The API server refuses longer ones (validation of `events.k8s.io/v1`).
const NOTE_BYTES: usize = 1024;
const INSTANCE_BYTES: usize = 128;
/// A name has up to 253 characters; the digest and a dot need 17.
const NAME_BYTES: usize = 230;

/// Repetitions within this many seconds become one Event. Its note is that of the first one, so this is
/// how old a note can be.
const PERIOD: i64 = 3600;

/// Returns the namespace of an Event: that of its object.
pub(super) fn namespace(new: &NewEvent) -> &str {
    let namespace = new.regarding.namespace.as_deref();
    namespace
        .filter(|name| !name.is_empty())
        .unwrap_or("default")
}

/// Returns the name of an Event, the same in every replica, so that a repetition finds it.
pub(super) fn name(new: &NewEvent, now: Timestamp) -> String {
    let mut hasher = Sha256::new();
    let regarding = &new.regarding;
    for part in [
        &regarding.api_version,
        &regarding.kind,
        &regarding.name,
        &regarding.uid,
    ] {
        hasher.update(part.as_deref().unwrap_or_default());
        hasher.update([0]);
    }
    hasher.update(new.reason);
    hasher.update(new.digest);
    hasher.update((now.as_second() / PERIOD).to_be_bytes());
    let digest = hasher.finalize();
    let hex: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let about = regarding.name.as_deref().unwrap_or_default();
    let about = &about[..about.floor_char_boundary(NAME_BYTES)];
    format!("{}.{hex}", about.trim_end_matches(['-', '.']))
}

/// Returns an Event that has happened `times` times.
pub(super) fn event(
    name: &str,
    new: &NewEvent,
    times: i32,
    instance: &str,
    now: Timestamp,
) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace(new).to_owned()),
            labels: Some(labels(new)),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(cut(instance, INSTANCE_BYTES).to_owned()),
        action: Some(new.action.to_owned()),
        reason: Some(new.reason.to_owned()),
        regarding: Some(new.regarding.clone()),
        note: Some(cut(&new.note, NOTE_BYTES).to_owned()),
        type_: Some("Warning".to_owned()),
        series: (times > 1).then(|| series(times, now)),
        ..Event::default()
    }
}

/// Returns the series of an Event whose last repetition is now.
pub(super) fn series(times: i32, now: Timestamp) -> EventSeries {
    EventSeries {
        count: times,
        last_observed_time: MicroTime(now),
    }
}

fn labels(new: &NewEvent) -> BTreeMap<String, String> {
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        entry("app.kubernetes.io/managed-by", "rollgate"),
        entry(REASON_LABEL, new.reason),
    ])
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ObjectReference;

    use super::*;

    #[test]
    fn repetitions_within_an_hour_have_one_name() {
        let new = about("cart");
        let name_at = |text: &str| name(&new, text.parse().expect("an instant"));
        assert_eq!(
            name_at("2026-11-27T10:00:00Z"),
            name_at("2026-11-27T10:59:59Z")
        );
        assert_ne!(
            name_at("2026-11-27T10:59:59Z"),
            name_at("2026-11-27T11:00:00Z")
        );
    }

    #[test]
    fn events_about_different_things_have_different_names() {
        let now = Timestamp::UNIX_EPOCH;
        let new = about("cart");
        let reason = NewEvent {
            reason: "RolloutHeld",
            ..new.clone()
        };
        let digest = NewEvent {
            digest: [1; 8],
            ..new.clone()
        };
        for other in [about("card"), reason, digest] {
            assert_ne!(name(&new, now), name(&other, now));
        }
    }

    #[test]
    fn event_keeps_to_the_limits_of_the_api() {
        let now = Timestamp::UNIX_EPOCH;
        let long = NewEvent {
            note: "ü".repeat(2_000),
            ..about(&format!("{}-", "a".repeat(252)))
        };
        let name = name(&long, now);
        assert!(name.len() <= 253 && !name.contains("-."), "{name}");
        let event = event(&name, &long, 1, &"i".repeat(300), now);
        assert!(event.note.expect("a note").len() <= 1024);
        assert!(event.reporting_instance.expect("an instance").len() <= 128);
        assert_eq!(event.series, None);
    }

    fn about(name: &str) -> NewEvent {
        let regarding = ObjectReference {
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        };
        NewEvent::warning(regarding, "RolloutDenied", "Deny", "no".to_owned())
    }
}
