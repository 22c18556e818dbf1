//! Events about what happened to workloads and policies: `kubectl describe` shows them beside the
//! object, `kubectl get events -l rollgate.dev/reason=RolloutDenied` all of them.
//!
//! Telling never waits and never fails: a bounded queue stands between reviews and the API server.
//! The same thing that happens again, in whichever replica, is one Event with a count. kube's
//! `Recorder` keeps that count in one process, gives Events no labels, and keeps the first note
//! whatever came later; so the Events are made here.

mod object;
mod writer;

use k8s_openapi::api::core::v1::ObjectReference;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::admission::{EventKind, EventSink, RolloutEvent, WriteAccess};
use crate::telemetry::{EventOutcome, Telemetry};

pub use writer::EventWriter;

/// What waits to be written; far more than happens while the API server is slow for a moment.
const WAITING: usize = 256;

/// Takes Events to be written.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Notice>,
    telemetry: Telemetry,
}

/// An Event that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it is about.
    pub regarding: ObjectReference,
    /// Why, in CamelCase, such as `RolloutDenied`.
    pub reason: &'static str,
    /// What was done, in CamelCase, such as `Deny`.
    pub action: &'static str,
    /// One line for people; cut at 1 KiB.
    pub note: String,
    /// Whether somebody should have a look.
    pub severity: Severity,
    /// Two notices about one object with the same reason and digest are one Event.
    pub digest: [u8; 8],
}

/// The type of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Somebody should have a look.
    Warning,
}

impl Events {
    /// A queue, and what writes what is in it.
    #[must_use]
    pub fn new(
        client: kube::Client,
        instance: String,
        telemetry: Telemetry,
    ) -> (Self, EventWriter) {
        let (queue, waiting) = mpsc::channel(WAITING);
        let writer = EventWriter::new(client, instance, waiting, telemetry.clone());
        (Self { queue, telemetry }, writer)
    }

    /// Takes an Event, or drops and counts it where too many wait.
    pub fn tell(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.telemetry.event(EventOutcome::Dropped);
        }
    }
}

impl EventSink for Events {
    fn send(&self, announcement: RolloutEvent, _: WriteAccess) {
        // What is still to be named cannot be found by anyone.
        if !announcement.name.is_empty() {
            self.tell(announcement.into());
        }
    }
}

impl Notice {
    /// A notice that somebody should have a look at, the same as another with the same note.
    #[must_use]
    pub fn warning(
        regarding: ObjectReference,
        reason: &'static str,
        action: &'static str,
        note: String,
    ) -> Self {
        let mut digest = [0; 8];
        digest.copy_from_slice(&Sha256::digest(&note)[..8]);
        Self {
            regarding,
            reason,
            action,
            note,
            severity: Severity::Warning,
            digest,
        }
    }
}

impl From<RolloutEvent> for Notice {
    /// An Event about a creation that is denied names the object that did not come into being, by
    /// name alone: `kubectl events --for deployment/NAME` shows it.
    fn from(announcement: RolloutEvent) -> Self {
        let (reason, action) = match announcement.what {
            EventKind::Denied => ("RolloutDenied", "Deny"),
            EventKind::Held => ("RolloutHeld", "Hold"),
            EventKind::Overridden => ("RolloutOverridden", "Override"),
            EventKind::NotEvaluated => ("RolloutUnjudged", "Allow"),
        };
        Self {
            regarding: ObjectReference {
                api_version: Some(announcement.kind.api_version().to_owned()),
                kind: Some(announcement.kind.as_str().to_owned()),
                namespace: Some(announcement.namespace),
                name: Some(announcement.name),
                uid: announcement.uid,
                ..ObjectReference::default()
            },
            reason,
            action,
            note: announcement.note,
            severity: Severity::Warning,
            digest: announcement.digest,
        }
    }
}
