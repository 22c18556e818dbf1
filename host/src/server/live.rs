//! The policies in force, and how those of a changed folder come into force without a request
//! noticing.

mod info;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::watch::Watch;
use super::{Answer, Readiness, Reply};
use crate::admission::Gate;
use crate::config::{self, Configuration, ModuleSource, Policy, PolicySet, State, builtin};
use crate::engine::Engine;
use crate::sources::{Disconnected, Sources, SystemClock};
use crate::telemetry::{ReloadOutcome, Reloaded, Telemetry};

/// How often files are looked at where the system tells of no change: as often as kubelet, by
/// default, brings a changed ConfigMap to a node.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Where policies come from.
#[derive(Clone, Debug)]
pub enum From {
    /// The default set that is part of rollgate.
    Bundled,
    /// Files and folders; watched.
    Files(Vec<PathBuf>),
}

/// Answers reviews by the policies in force. Set and metric sources are swapped as one.
#[derive(Default)]
pub struct Live {
    in_force: ArcSwapOption<InForce>,
    /// What keeps the files from coming into force as they are now.
    problems: ArcSwap<Vec<String>>,
}

struct InForce {
    gate: Gate,
    since: Timestamp,
}

impl Answer for Live {
    async fn answer(&self, body: Bytes, deadline: Instant) -> Reply {
        let Some(in_force) = self.in_force.load_full() else {
            return Reply::NotReady(
                "no policies are in force yet; /readyz on the admin port says why".to_owned(),
            );
        };
        match in_force.gate.answer(body, deadline).await {
            Ok(reply) => Reply::Review(reply.0),
            Err(error) => Reply::BadRequest(error.to_string()),
        }
    }
}

/// Brings policies into force.
pub struct Loader {
    /// Compiles and runs them.
    pub engine: Engine,
    /// Where they come from.
    pub from: From,
    /// Where they come into force.
    pub live: Arc<Live>,
    /// Told when the first set is in force, and what is wrong before.
    pub readiness: Readiness,
    /// Told of each set.
    pub telemetry: Telemetry,
}

impl Loader {
    /// Loads the policies, and again whenever their files change, for ever.
    ///
    /// A set comes into force whole or not at all: where a file does not parse, the last good set
    /// stays, and before the first one the process stays unready.
    pub async fn run(self) -> Infallible {
        let mut watch = Watch::new(self.paths(), LOOK_EVERY);
        loop {
            let configuration = self.read().await;
            watch
                .follow(
                    self.paths()
                        .into_iter()
                        .chain(modules(&configuration))
                        .collect(),
                )
                .await;
            if configuration.problems.is_empty() {
                self.put_in_force(&configuration).await;
            } else {
                self.refuse(&configuration);
            }
            watch.changed().await;
        }
    }

    fn paths(&self) -> Vec<PathBuf> {
        match &self.from {
            From::Bundled => Vec::new(),
            From::Files(paths) => paths.clone(),
        }
    }

    async fn read(&self) -> Configuration {
        let from = self.from.clone();
        let read = move || match from {
            From::Bundled => {
                config::read_text("the bundled policies", builtin::DEFAULT_SET, Path::new(""))
            }
            From::Files(paths) => config::read(&paths),
        };
        tokio::task::spawn_blocking(read)
            .await
            .expect("reading files does not panic")
    }

    async fn put_in_force(&self, configuration: &Configuration) {
        let begun = Instant::now();
        let (metrics, problems) = config::metrics(configuration);
        for problem in &problems {
            tracing::error!(%problem, "a metrics source cannot be set up; policies that ask it will fail");
        }
        let set = config::load(&self.engine, configuration).await;
        self.tell(&set, begun.elapsed());
        let sources = Sources {
            clock: Arc::new(SystemClock),
            metrics: Arc::new(metrics),
            cluster: Arc::new(Disconnected),
        };
        self.live.in_force.store(Some(Arc::new(InForce {
            gate: Gate::new(Arc::new(set), sources, self.telemetry.clone()),
            since: Timestamp::now(),
        })));
        self.live
            .problems
            .store(Arc::new(problems.iter().map(ToString::to_string).collect()));
        self.readiness.ready();
    }

    fn tell(&self, set: &PolicySet, took: Duration) {
        let (ready, refused): (Vec<_>, Vec<_>) =
            set.policies().iter().partition(|policy| is_ready(policy));
        for policy in &refused {
            if let State::Refused(reason) = &policy.state {
                tracing::error!(policy = %policy.name, %reason, "a policy cannot judge: each rollout it matches is answered by its onError");
            }
        }
        tracing::info!(
            ready = ready.len(),
            refused = refused.len(),
            ?took,
            "policies are in force"
        );
        self.telemetry.policies(ready.len(), refused.len());
        self.telemetry.reload(Reloaded::Policies, ReloadOutcome::Ok);
    }

    fn refuse(&self, configuration: &Configuration) {
        let problems: Vec<_> = configuration
            .problems
            .iter()
            .map(ToString::to_string)
            .collect();
        let consequence = if self.live.in_force.load().is_some() {
            "the policies before this change stay in force"
        } else {
            self.readiness.missing(problems.clone());
            "not ready until it is mended"
        };
        for problem in &problems {
            tracing::error!(problem, consequence, "the policies cannot be read");
        }
        self.live.problems.store(Arc::new(problems));
        self.telemetry
            .reload(Reloaded::Policies, ReloadOutcome::Failed);
    }
}

fn is_ready(policy: &Policy) -> bool {
    matches!(policy.state, State::Ready(_))
}

/// A module may stand anywhere; a new build of it is a change too.
fn modules(configuration: &Configuration) -> impl Iterator<Item = PathBuf> + '_ {
    configuration
        .policies
        .iter()
        .filter_map(|item| match &item.policy.module {
            ModuleSource::File(path) => Some(path.clone()),
            ModuleSource::Builtin(_) => None,
        })
}
