//! The policies in force, and how those of a changed origin come into force without a request
//! noticing.

mod info;
mod loader;
mod origin;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{HandlerResponse, ReviewHandler};
use crate::admission::{Caller, Gate};
use crate::config::{PolicySet, SourceState};

pub use loader::Loader;
pub use origin::{Bundled, Files, LOOK_EVERY, Origin};

/// Answers reviews by the policies in force. Set and metric sources are swapped as one.
#[derive(Default)]
pub struct Live {
    in_force: ArcSwapOption<InForce>,
    /// What keeps the policies from coming into force as they are written now.
    problems: ArcSwap<Vec<String>>,
    standing: watch::Sender<Standing>,
}

/// What came into force last.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The policies; none before the first set.
    pub set: Arc<PolicySet>,
    /// The metric sources.
    pub sources: Vec<SourceState>,
}

impl Live {
    /// What is in force, and each set that comes into force later. The first may be empty, when
    /// nothing has been read yet.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    fn put(&self, in_force: InForce, standing: Standing) {
        let problems = standing
            .sources
            .iter()
            .filter_map(|source| source.problem.as_ref());
        let problems = problems.map(ToString::to_string).collect();
        self.in_force.store(Some(Arc::new(in_force)));
        self.problems.store(Arc::new(problems));
        self.standing.send_replace(standing);
    }

    /// What is in force stays, because of these.
    fn keep(&self, problems: Vec<String>) {
        self.problems.store(Arc::new(problems));
    }

    /// The policies in force; none before the first set.
    fn set(&self) -> Arc<PolicySet> {
        Arc::clone(&self.standing.borrow().set)
    }

    fn is_in_force(&self) -> bool {
        self.in_force.load().is_some()
    }
}

impl ReviewHandler for Live {
    fn handle(
        self: Arc<Self>,
        body: Bytes,
        caller: Caller,
        deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse> {
        async move {
            let Some(in_force) = self.in_force.load_full() else {
                return HandlerResponse::NotReady(
                    "no policies are active yet; /readyz on the admin port says why".to_owned(),
                );
            };
            match in_force.gate.answer(body, caller, deadline).await {
                Ok(reply) => HandlerResponse::Review(reply.0),
                Err(error) => HandlerResponse::BadRequest(error.to_string()),
            }
        }
        .boxed()
    }
}

struct InForce {
    gate: Gate,
    since: Timestamp,
}

impl InForce {
    fn new(gate: Gate) -> Self {
        Self {
            gate,
            since: Timestamp::now(),
        }
    }
}
