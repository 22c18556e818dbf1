//! Events about what happened to workloads and policies: `kubectl describe` shows them beside the
//! object, `kubectl get events -l rollgate.dev/reason=RolloutDenied` all of them.
//!
//! Reviews never wait for them: a bounded queue is between reviews and the API server. A repetition, in
//! any replica, only counts up the first Event. kube's `Recorder` is not used, because it counts within
//! one process and gives Events no labels.

mod object;
mod writer;

use k8s_openapi::api::core::v1::ObjectReference;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::admission::{EventKind, EventSink, RolloutEvent, WriteAccess};
use crate::telemetry::{EventOutcome, Telemetry};

use writer::EventWriter;

/// The length of the queue, far more than happens while the API server is slow for a moment.
const QUEUE: usize = 256;

/// Queues Events to be written. Clones share the queue.
#[derive(Clone)]
pub(super) struct Events {
    queue: mpsc::Sender<NewEvent>,
    telemetry: Telemetry,
}

/// An Event of type `Warning` to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewEvent {
    pub(super) regarding: ObjectReference,
    /// In CamelCase, such as `RolloutDenied`.
    pub(super) reason: &'static str,
    /// In CamelCase, such as `Deny`.
    pub(super) action: &'static str,
    /// One line, truncated at 1 KiB.
    pub(super) note: String,
    /// Two of these about one object with the same reason and digest become one Event.
    pub(super) digest: [u8; 8],
}

impl Events {
    /// Returns a queue and the task that writes what is in it.
    pub(super) fn new(
        client: kube::Client,
        instance: String,
        telemetry: Telemetry,
    ) -> (Self, EventWriter) {
        let (queue, queued) = mpsc::channel(QUEUE);
        let writer = EventWriter::new(client, instance, queued, telemetry.clone());
        (Self { queue, telemetry }, writer)
    }

    /// Queues an Event; drops and counts it if the queue is full.
    pub(super) fn queue(&self, event: NewEvent) {
        if self.queue.try_send(event).is_err() {
            self.telemetry.event(EventOutcome::Dropped);
        }
    }
}

impl EventSink for Events {
    fn send(&self, event: RolloutEvent, _: WriteAccess) {
        // Nobody finds an Event about an object without a name (`generateName`).
        if !event.name.is_empty() {
            self.queue(event.into());
        }
    }
}

impl NewEvent {
    /// A event that somebody should have a look at, the same as another with the same note.
    pub(super) fn warning(
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
            digest,
        }
    }
}

impl From<RolloutEvent> for NewEvent {
    /// After a denied creation, the Event names an object that does not exist: `kubectl events --for
    /// deployment/NAME` shows it.
    fn from(event: RolloutEvent) -> Self {
        let (reason, action) = match event.what {
            EventKind::Denied => ("RolloutDenied", "Deny"),
            EventKind::Held => ("RolloutHeld", "Hold"),
            EventKind::Overridden => ("RolloutOverridden", "Override"),
            EventKind::NotEvaluated => ("RolloutNotEvaluated", "Allow"),
        };
        Self {
            regarding: ObjectReference {
                api_version: Some(event.kind.api_version().to_owned()),
                kind: Some(event.kind.as_str().to_owned()),
                namespace: Some(event.namespace),
                name: Some(event.name),
                uid: event.uid,
                ..ObjectReference::default()
            },
            reason,
            action,
            note: event.note,
            digest: event.digest,
        }
    }
}
