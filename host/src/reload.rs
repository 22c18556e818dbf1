//! The active policies: loading them, and replacing them when they change without failing a request.

mod info;
mod loader;
mod source;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admission::{Caller, Gate, ReviewBody};
use crate::config::{PolicySet, SourceState};
use crate::server::{HandlerResponse, ReviewHandler};

pub(crate) use loader::PolicyLoader;
pub(crate) use source::{BundledPolicies, PolicyFiles, PolicySource};

/// Answers reviews by the active policies. Policies and metric sources are replaced together.
#[derive(Default)]
pub(crate) struct ActivePolicies {
    gate: ArcSwapOption<ActiveGate>,
    /// Why the latest version of the policies is not active, or does not work.
    problems: ArcSwap<Vec<String>>,
    latest: watch::Sender<ActiveSet>,
}

/// The policies and metric sources that were activated last.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveSet {
    /// Empty before the first activation.
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) metric_sources: Vec<SourceState>,
}

struct ActiveGate {
    gate: Gate,
    since: Timestamp,
}

impl ActivePolicies {
    /// Returns a receiver of the present set and of each later one. The first one is empty if
    /// nothing has been loaded yet.
    pub(crate) fn subscribe(&self) -> watch::Receiver<ActiveSet> {
        self.latest.subscribe()
    }

    fn activate(&self, gate: Gate, set: ActiveSet) {
        let problems = set
            .metric_sources
            .iter()
            .filter_map(|source| source.problem.as_ref())
            .map(ToString::to_string);
        let problems = problems.collect();
        let since = Timestamp::now();
        self.gate.store(Some(Arc::new(ActiveGate { gate, since })));
        self.problems.store(Arc::new(problems));
        self.latest.send_replace(set);
    }

    /// Keeps the active policies, because later ones have these problems.
    fn reject(&self, problems: Vec<String>) {
        self.problems.store(Arc::new(problems));
    }

    /// Returns the active policies; none before the first activation.
    fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.latest.borrow().policies)
    }

    fn any(&self) -> bool {
        self.gate.load().is_some()
    }
}

impl ReviewHandler for ActivePolicies {
    fn handle(
        self: Arc<Self>,
        body: ReviewBody,
        caller: Caller,
        deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse> {
        async move {
            let Some(active) = self.gate.load_full() else {
                return HandlerResponse::NotReady(
                    "no policies are active yet; /readyz on the admin port says why".to_owned(),
                );
            };
            match active.gate.answer(body, caller, deadline).await {
                Ok(response) => HandlerResponse::Review(response.0),
                Err(error) => HandlerResponse::BadRequest(error.to_string()),
            }
        }
        .boxed()
    }
}
