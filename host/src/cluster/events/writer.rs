//! Writes the Events that wait, not faster than the API server should be troubled with.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Notice, WAITING, object};
use crate::telemetry::{EventOutcome, Telemetry};

/// What happens meanwhile is written as one.
const EVERY: Duration = Duration::from_millis(500);
/// So many Events at most each time.
const AT_ONCE: usize = 5;
/// Replicas that count the same Event up at the same time get out of each other's way.
const TRIES: usize = 4;
/// How often the log tells that Events cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Writes Events until it is stopped.
pub struct EventWriter {
    client: Client,
    instance: String,
    queue: mpsc::Receiver<Notice>,
    telemetry: Telemetry,
    waiting: HashMap<String, Waiting>,
    complained: Option<Instant>,
}

struct Waiting {
    notice: Notice,
    times: i32,
}

impl EventWriter {
    pub(super) fn new(
        client: Client,
        instance: String,
        queue: mpsc::Receiver<Notice>,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            client,
            instance,
            queue,
            telemetry,
            waiting: HashMap::new(),
            complained: None,
        }
    }

    /// Writes what comes, until `stop` is done; then what is left, and ends.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(notice) = self.queue.recv() => self.keep(notice),
                _ = tick.tick() => self.write_some().await,
            }
        }
        while let Ok(notice) = self.queue.try_recv() {
            self.keep(notice);
        }
        self.write_some().await;
    }

    fn keep(&mut self, notice: Notice) {
        let name = object::name(&notice, Timestamp::now());
        if let Some(waiting) = self.waiting.get_mut(&name) {
            waiting.times = waiting.times.saturating_add(1);
        } else if self.waiting.len() < WAITING {
            self.waiting.insert(name, Waiting { notice, times: 1 });
        } else {
            self.telemetry.event(EventOutcome::Dropped);
        }
    }

    async fn write_some(&mut self) {
        let names: Vec<_> = self.waiting.keys().take(AT_ONCE).cloned().collect();
        for name in names {
            let Some(waiting) = self.waiting.remove(&name) else {
                continue;
            };
            match self.write(&name, &waiting).await {
                Ok(()) => self.telemetry.event(EventOutcome::Written),
                Err(error) => {
                    self.telemetry.event(EventOutcome::Failed);
                    self.complain(&error);
                }
            }
        }
    }

    async fn write(&self, name: &str, waiting: &Waiting) -> kube::Result<()> {
        let Waiting { notice, times } = waiting;
        let events = Api::namespaced(self.client.clone(), object::namespace(notice));
        let mut tries = 0;
        loop {
            tries += 1;
            let event = object::event(name, notice, *times, &self.instance, Timestamp::now());
            match events.create(&PostParams::default(), &event).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                written => return written.map(drop),
            }
            match again(&events, name, *times).await {
                // Expired between the two, or counted up by another replica.
                Err(kube::Error::Api(status))
                    if tries < TRIES && (status.is_not_found() || status.is_conflict()) => {}
                counted => return counted,
            }
        }
    }

    fn complain(&mut self, error: &kube::Error) {
        if self
            .complained
            .is_some_and(|at| at.elapsed() < COMPLAIN_EVERY)
        {
            return;
        }
        self.complained = Some(Instant::now());
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "an Event cannot be written; rollgate_events_total counts those that follow"
        );
    }
}

/// Counts up an Event that is there.
async fn again(events: &Api<Event>, name: &str, times: i32) -> kube::Result<()> {
    let there = events.get(name).await?;
    let before = there.series.map_or(1, |series| series.count);
    let patch = json!({
        "metadata": {"resourceVersion": there.metadata.resource_version},
        "series": object::series(before.saturating_add(times), Timestamp::now()),
    });
    events
        .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .map(drop)
}
