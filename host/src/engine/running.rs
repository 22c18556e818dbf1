//! Evaluates a loaded policy: a fresh instance, one call under every limit, and the instance is
//! dropped.

pub(super) mod cpu;
pub(super) mod grants;
pub(super) mod limits;
pub(super) mod log;
pub(super) mod outcome;
pub(super) mod runtime;
mod sandbox;
pub(super) mod shares;
pub(super) mod state;
mod ticker;
pub(super) mod turns;
pub(super) mod wasi;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use rollgate_model::Verdict;
use tokio::time::{Instant, timeout_at};
use wasmtime::Store;

use super::Engine;
use super::abi::{Description, GuestError, GuestPre};
use super::error::EvaluationError;
use super::loading::programs::Program;
use super::loading::{LoadRequest, Prepared};
use super::recipe::Recipe;
use outcome::NotStarted;
use runtime::{Imports, Runtime};
use sandbox::Sandbox;
use shares::{Account, Busy, Claimant, Permit, Shares};
use state::{HostState, Phase, Review};
use turns::InTurns;
use wasi::EmptyWasi;

const ITS_TURN: &str =
    "its turn to compute: other evaluations of its namespace or policy compute a lot";

/// A policy that can be evaluated.
pub struct LoadedPolicy {
    recipe: Recipe,
    description: Description,
    guest: GuestPre,
    /// Held so that policies loaded later can share it.
    _program: Program,
    imports: Imports,
    start: PolicyStart,
    runtime: Arc<Runtime>,
    /// Whose share its evaluations take.
    owner: Account,
    slots: Arc<Shares>,
}

impl fmt::Debug for LoadedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedPolicy")
            .field("name", &self.recipe.name)
            .field("digest", &self.recipe.digest)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

/// The state in which each evaluation starts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PolicyStart {
    /// With the memory that `configure` left.
    FromSnapshot,
    /// With the module's own memory; `configure` runs first, at each request.
    ConfigureEachTime {
        /// Why there is no snapshot.
        reason: String,
    },
}

impl LoadedPolicy {
    pub(super) fn new(
        engine: &Engine,
        recipe: Recipe,
        prepared: Prepared,
        guest: GuestPre,
        program: Program,
    ) -> Self {
        Self {
            owner: Account::owner_of(&recipe.name),
            recipe,
            description: prepared.description,
            guest,
            _program: program,
            imports: prepared.imports,
            start: prepared.start,
            runtime: Arc::clone(&engine.runtime),
            slots: Arc::clone(&engine.slots),
        }
    }

    /// Whether loading the request into this engine would return the same policy.
    #[must_use]
    pub(crate) fn is_made_of(&self, request: &LoadRequest, engine: &Engine) -> bool {
        Arc::ptr_eq(&self.runtime, &engine.runtime) && self.recipe == Recipe::of(request)
    }

    /// The module's description of itself.
    #[must_use]
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// The SHA-256 of the module's file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.recipe.digest
    }

    /// The state in which each evaluation starts.
    #[must_use]
    pub fn start(&self) -> &PolicyStart {
        &self.start
    }

    /// Evaluates one rollout in a fresh instance.
    ///
    /// # Errors
    /// If the policy gives no verdict by `deadline` or within its own timeout, whichever ends first.
    pub async fn evaluate(
        &self,
        review: &Arc<Review>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let begun = Instant::now();
        let deadline = deadline.min(begun + self.recipe.limits.timeout);
        if begun >= deadline {
            return Err(EvaluationError::Overloaded);
        }
        let claimant = Claimant::new(&self.recipe.name, &self.owner, &review.namespace);
        let slot = self.slot(&claimant, deadline).await?;

        let turns = Arc::clone(self.runtime.turns());
        let store = self.runtime.store(self.state(review));
        let mut sandbox = Sandbox::new(store, slot, Arc::clone(&turns), claimant.clone());
        let meter = sandbox.store().data().usage.cpu.clone();
        let (called, is_waiting, turn) = {
            let call = pin!(self.call(sandbox.store()));
            let mut call = InTurns::new(call, meter, turns, claimant);
            let called = timeout_at(deadline, &mut call).await;
            (called, call.is_waiting(), call.into_turn())
        };
        sandbox.keep_turn(turn);
        let state = sandbox.store().data();
        match called {
            Ok(Ok(Ok(verdict))) => {
                state.log.violations(verdict.violations());
                Ok(verdict)
            }
            Ok(Ok(Err(GuestError::Failed(failure)))) => Err(EvaluationError::Failed(failure)),
            Ok(Ok(Err(GuestError::Nonsense(reason)))) => Err(EvaluationError::Nonsense(reason)),
            Ok(Err(error)) => Err(outcome::explain(&error, state, &self.recipe.limits)),
            Err(_) => Err(EvaluationError::Deadline {
                after: begun.elapsed(),
                waiting_for: waiting_for(state).or_else(|| is_waiting.then(|| ITS_TURN.to_owned())),
            }),
        }
    }

    /// Waits for a slot in the pool.
    async fn slot(
        &self,
        claimant: &Claimant,
        deadline: Instant,
    ) -> Result<Permit, EvaluationError> {
        let slot = timeout_at(deadline, self.slots.acquire(claimant)).await;
        slot.map_err(|_| match self.slots.busy(claimant) {
            Some(Busy::ShareInUse) => EvaluationError::ShareInUse,
            Some(Busy::NoneFree) | None => EvaluationError::Overloaded,
        })
    }

    async fn call(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Verdict, GuestError>> {
        let started = self.guest.instantiate(store).await;
        let guest = started.map_err(|error| error.context(NotStarted))?;
        if let PolicyStart::ConfigureEachTime { .. } = self.start
            && let Err(problems) = guest.configure(store, &self.recipe.settings).await?
        {
            let reason = format!("it refuses settings that it accepted at load: {problems:?}");
            return Ok(Err(GuestError::Nonsense(reason)));
        }
        guest.evaluate(store).await
    }

    fn state(&self, review: &Arc<Review>) -> HostState {
        let Recipe {
            name,
            limits,
            grants,
            ..
        } = &self.recipe;
        let mut state = HostState::for_evaluation(review, grants, name, limits);
        if self.imports == Imports::ContractAndWasi {
            state.wasi = Some(Box::new(EmptyWasi::of_review(review)));
        }
        state
    }
}

/// Returns the host call that the guest waits for, if it does.
fn waiting_for(state: &HostState) -> Option<String> {
    match &state.phase {
        Phase::Evaluating(evaluation) => evaluation.waiting_for.clone(),
        Phase::Loading { .. } => None,
    }
}
