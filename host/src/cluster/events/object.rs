//! The Event that a notice becomes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use sha2::{Digest, Sha256};

use super::{Notice, Severity};

/// Who reports, in the words of the Events API.
pub(super) const CONTROLLER: &str = "rollgate.dev/rollgate";
/// The label by which the Events of one reason are found.
const REASON_LABEL: &str = "rollgate.dev/reason";

/// The API server refuses longer ones (validation of `events.k8s.io/v1`).
const NOTE_BYTES: usize = 1024;
const INSTANCE_BYTES: usize = 128;
/// A name has up to 253 characters; the digest and a dot need 17.
const NAME_BYTES: usize = 230;

/// The same thing is one Event for so long. Its note is that of the first time, so this is how old
/// a note can be.
const PERIOD: i64 = 3600;

/// The namespace that an Event lives in: that of its object.
pub(super) fn namespace(notice: &Notice) -> &str {
    let namespace = notice.regarding.namespace.as_deref();
    namespace
        .filter(|name| !name.is_empty())
        .unwrap_or("default")
}

/// The same for the same thing in every replica, so that whoever is second finds the Event there.
pub(super) fn name(notice: &Notice, now: Timestamp) -> String {
    let mut hasher = Sha256::new();
    let regarding = &notice.regarding;
    for part in [
        &regarding.api_version,
        &regarding.kind,
        &regarding.name,
        &regarding.uid,
    ] {
        hasher.update(part.as_deref().unwrap_or_default());
        hasher.update([0]);
    }
    hasher.update(notice.reason);
    hasher.update(notice.digest);
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

/// An Event for something that has happened `times` times.
pub(super) fn event(
    name: &str,
    notice: &Notice,
    times: i32,
    instance: &str,
    now: Timestamp,
) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace(notice).to_owned()),
            labels: Some(labels(notice)),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(cut(instance, INSTANCE_BYTES).to_owned()),
        action: Some(notice.action.to_owned()),
        reason: Some(notice.reason.to_owned()),
        regarding: Some(notice.regarding.clone()),
        note: Some(cut(&notice.note, NOTE_BYTES).to_owned()),
        type_: Some(
            match notice.severity {
                Severity::Normal => "Normal",
                Severity::Warning => "Warning",
            }
            .to_owned(),
        ),
        series: (times > 1).then(|| series(times, now)),
        ..Event::default()
    }
}

/// The times that something happened, the last one now.
pub(super) fn series(times: i32, now: Timestamp) -> EventSeries {
    EventSeries {
        count: times,
        last_observed_time: MicroTime(now),
    }
}

fn labels(notice: &Notice) -> BTreeMap<String, String> {
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        entry("app.kubernetes.io/managed-by", "rollgate"),
        entry(REASON_LABEL, notice.reason),
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
    fn the_same_thing_has_one_name_within_the_hour() {
        let notice = about("cart");
        let name_at = |text: &str| name(&notice, text.parse().expect("an instant"));
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
    fn whatever_differs_has_another_name() {
        let now = Timestamp::UNIX_EPOCH;
        let notice = about("cart");
        let reason = Notice {
            reason: "RolloutHeld",
            ..notice.clone()
        };
        let digest = Notice {
            digest: [1; 8],
            ..notice.clone()
        };
        for other in [about("card"), reason, digest] {
            assert_ne!(name(&notice, now), name(&other, now));
        }
    }

    #[test]
    fn an_event_keeps_to_the_bounds_of_the_api() {
        let now = Timestamp::UNIX_EPOCH;
        let long = Notice {
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

    fn about(name: &str) -> Notice {
        let regarding = ObjectReference {
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        };
        Notice::warning(regarding, "RolloutDenied", "Deny", "no".to_owned())
    }
}
