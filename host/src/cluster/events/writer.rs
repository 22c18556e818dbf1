//! Writes queued Events at a limited rate.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{NewEvent, QUEUE, object};
use crate::telemetry::{EventOutcome, Telemetry};

/// Repetitions within this time are written as one.
const INTERVAL: Duration = Duration::from_millis(500);
/// How many Events are written each time.
const BATCH: usize = 5;
/// Replicas that count up the same Event at the same time conflict.
const MAX_TRIES: usize = 4;
/// How often the log says that Events cannot be written.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// Writes queued Events.
pub(in crate::cluster) struct EventWriter {
    client: Client,
    instance: String,
    queue: mpsc::Receiver<NewEvent>,
    telemetry: Telemetry,
    pending: HashMap<String, Pending>,
    warned: Option<Instant>,
}

struct Pending {
    event: NewEvent,
    times: i32,
}

impl EventWriter {
    pub(super) fn new(
        client: Client,
        instance: String,
        queue: mpsc::Receiver<NewEvent>,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            client,
            instance,
            queue,
            telemetry,
            pending: HashMap::new(),
            warned: None,
        }
    }

    /// Writes queued Events until `stop` is done, then once more what is left.
    pub(in crate::cluster) async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(event) = self.queue.recv() => self.add(event),
                _ = tick.tick() => self.write_batch().await,
            }
        }
        while let Ok(event) = self.queue.try_recv() {
            self.add(event);
        }
        self.write_batch().await;
    }

    fn add(&mut self, event: NewEvent) {
        let name = object::name(&event, Timestamp::now());
        if let Some(pending) = self.pending.get_mut(&name) {
            pending.times = pending.times.saturating_add(1);
        } else if self.pending.len() < QUEUE {
            self.pending.insert(name, Pending { event, times: 1 });
        } else {
            self.telemetry.event(EventOutcome::Dropped);
        }
    }

    async fn write_batch(&mut self) {
        let names: Vec<_> = self.pending.keys().take(BATCH).cloned().collect();
        for name in names {
            let Some(pending) = self.pending.remove(&name) else {
                continue;
            };
            match self.write(&name, &pending).await {
                Ok(()) => self.telemetry.event(EventOutcome::Written),
                Err(error) => {
                    self.telemetry.event(EventOutcome::Failed);
                    self.warn(&error);
                }
            }
        }
    }

    async fn write(&self, name: &str, pending: &Pending) -> kube::Result<()> {
        let Pending { event, times } = pending;
        let events = Api::namespaced(self.client.clone(), object::namespace(event));
        let mut tries = 0;
        loop {
            tries += 1;
            let object = object::event(name, event, *times, &self.instance, Timestamp::now());
            match events.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                written => return written.map(drop),
            }
            match count_up(&events, name, *times).await {
                // It has expired meanwhile, or another replica has counted it up.
                Err(kube::Error::Api(status))
                    if tries < MAX_TRIES && (status.is_not_found() || status.is_conflict()) => {}
                counted => return counted,
            }
        }
    }

    fn warn(&mut self, error: &kube::Error) {
        if self.warned.is_some_and(|at| at.elapsed() < WARN_INTERVAL) {
            return;
        }
        self.warned = Some(Instant::now());
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "an Event cannot be written; rollgate_events_total counts those that follow"
        );
    }
}

/// Counts up an existing Event.
async fn count_up(events: &Api<Event>, name: &str, times: i32) -> kube::Result<()> {
    let existing = events.get(name).await?;
    let before = existing.series.map_or(1, |series| series.count);
    let patch = json!({
        "metadata": {"resourceVersion": existing.metadata.resource_version},
        "series": object::series(before.saturating_add(times), Timestamp::now()),
    });
    events
        .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .map(drop)
}
