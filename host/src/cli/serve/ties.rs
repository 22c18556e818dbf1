//! What ties reviews to the cluster: overrides and Events, and what keeps them beside reviews.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cluster::Member;
use crate::admission::GateOptions;
use crate::cluster::{EventWriter, Events, KubeOverrides, Leadership, OverrideDuties};
use crate::server::live::Live;
use crate::telemetry::Telemetry;

/// How long what is still to be written may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

/// What has to run for the ties.
pub(super) struct Keepers {
    writer: EventWriter,
    overrides: OverrideDuties,
}

/// What runs for the ties.
pub(super) struct Kept {
    drained: watch::Sender<bool>,
    writers: [JoinHandle<()>; 2],
}

/// GateOptions to a cluster; the Events are for whoever has something to tell.
pub(super) fn tie(member: &Member, telemetry: &Telemetry) -> (GateOptions, Events, Keepers) {
    let instance = member.identity.to_string();
    let (events, writer) = Events::new(member.brief.clone(), instance, telemetry.clone());
    let (overrides, duties) = KubeOverrides::new(member.watching.clone(), member.brief.clone());
    let ties = GateOptions {
        overrides: Some(Arc::new(overrides)),
        events: Some(Arc::new(events.clone())),
        ..GateOptions::default()
    };
    let keepers = Keepers {
        writer,
        overrides: duties,
    };
    (ties, events, keepers)
}

impl Keepers {
    /// Begins.
    pub(super) fn begin(self, leadership: Leadership, live: &Live) -> Kept {
        let (drained, _) = watch::channel(false);
        let after = || {
            let mut drained = drained.subscribe();
            async move {
                // Whoever would say so is gone as well.
                let _ = drained.wait_for(|drained| *drained).await;
            }
        };
        tokio::spawn(self.overrides.watch.run());
        tokio::spawn(self.overrides.status.run(leadership, live.subscribe()));
        let writers = [
            tokio::spawn(self.writer.run(after())),
            tokio::spawn(self.overrides.recorder.run(after())),
        ];
        Kept { drained, writers }
    }
}

impl Kept {
    /// Waits until what the last reviews left to be written is written.
    pub(super) async fn ended(self) {
        self.drained.send_replace(true);
        for writer in self.writers {
            if timeout(FAREWELL, writer).await.is_err() {
                tracing::warn!("Events or uses of overrides could not be written before the end");
            }
        }
    }
}
