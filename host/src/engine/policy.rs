//! A loaded policy, and one evaluation of it: a fresh sandbox, one call, and it is gone.

use std::fmt;
use std::sync::Arc;

use rollgate_model::Verdict;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use wasmtime::Store;

use super::Engine;
use super::abi::{Description, EvaluateAnswer, Guest, GuestPre};
use super::error::EvaluationError;
use super::limits::Limits;
use super::load::{LoadRequest, Prepared};
use super::outcome::{self, NotStarted};
use super::programs::Program;
use super::recipe::Recipe;
use super::runtime::{Imports, Runtime};
use super::state::{HostState, Phase, Review};
use super::wasi::EmptyWasi;

/// A policy that can judge.
pub struct LoadedPolicy {
    recipe: Recipe,
    description: Description,
    guest: GuestPre,
    /// Held so that policies loaded later find it.
    _program: Program,
    imports: Imports,
    start: Start,
    runtime: Arc<Runtime>,
    slots: Arc<Semaphore>,
}

/// A program with everything that it imports.
pub(super) struct Runnable {
    pub(super) guest: GuestPre,
    pub(super) program: Program,
}

/// A sandbox that outlives an evaluation. See [`LoadedPolicy::keep`].
pub struct KeptSandbox {
    store: Store<HostState>,
    guest: Guest,
    limits: Limits,
}

impl KeptSandbox {
    /// Judges the review that the sandbox was opened for, once more.
    ///
    /// # Errors
    /// As [`LoadedPolicy::evaluate`].
    pub async fn evaluate(&mut self) -> Result<Verdict, EvaluationError> {
        self.store.data_mut().usage.refill_cpu(&self.limits);
        let said = self.guest.evaluate(&mut self.store).await;
        settle(said, &self.store, &self.limits)
    }
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

/// What an evaluation starts from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Start {
    /// The memory that `configure` left.
    Configured,
    /// The module's own memory; `configure` runs first, at each request.
    Unconfigured {
        /// Why there is no snapshot.
        reason: String,
    },
}

impl LoadedPolicy {
    pub(super) fn new(
        engine: &Engine,
        recipe: Recipe,
        prepared: Prepared,
        runnable: Runnable,
    ) -> Self {
        Self {
            recipe,
            description: prepared.description,
            guest: runnable.guest,
            _program: runnable.program,
            imports: prepared.imports,
            start: prepared.start,
            runtime: Arc::clone(&engine.runtime),
            slots: Arc::clone(&engine.slots),
        }
    }

    /// Whether this is what loading the request into this engine would give again.
    #[must_use]
    pub fn is_made_of(&self, request: &LoadRequest, engine: &Engine) -> bool {
        Arc::ptr_eq(&self.runtime, &engine.runtime) && self.recipe == Recipe::of(request)
    }

    /// What the module says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The SHA-256 of the module's file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.recipe.digest
    }

    /// What each evaluation starts from.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Judges one rollout in a sandbox of its own.
    ///
    /// # Errors
    /// Where the policy gave no verdict by `deadline` or its own timeout, whichever is nearer.
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
        let slot = timeout_at(deadline, self.slots.acquire())
            .await
            .map_err(|_| EvaluationError::Overloaded)?;
        let _slot = slot.map_err(|_| EvaluationError::Overloaded)?;

        let mut store = self.runtime.store(self.state(review));
        match timeout_at(deadline, self.call(&mut store)).await {
            Ok(said) => settle(said, &store, &self.recipe.limits),
            Err(_) => Err(EvaluationError::Deadline {
                after: begun.elapsed(),
                waiting_for: waiting_for(store),
            }),
        }
    }

    /// Opens a sandbox that is used again and again: what a fresh one is measured against. Verdicts
    /// of the server never come out of one. It lasts for some hundred of them: guests may free
    /// nothing, since their sandbox is to end.
    ///
    /// # Errors
    /// Where the sandbox cannot be made.
    pub async fn keep(&self, review: &Arc<Review>) -> Result<KeptSandbox, EvaluationError> {
        let mut store = self.runtime.store(self.state(review));
        match self.guest.instantiate(&mut store).await {
            Ok(guest) => Ok(KeptSandbox {
                store,
                guest,
                limits: self.recipe.limits,
            }),
            Err(error) => {
                let error = error.context(NotStarted);
                Err(outcome::explain(&error, store.data(), &self.recipe.limits))
            }
        }
    }

    async fn call(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<Verdict, EvaluateAnswer>> {
        let started = self.guest.instantiate(store).await;
        let guest = started.map_err(|error| error.context(NotStarted))?;
        if let Start::Unconfigured { .. } = self.start
            && let Err(problems) = guest.configure(store, &self.recipe.settings).await?
        {
            let reason = format!("it refuses settings that it accepted at load: {problems:?}");
            return Ok(Err(EvaluateAnswer::Nonsense(reason)));
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
        let mut state = HostState::judging(review, grants, name, limits);
        if self.imports == Imports::ContractAndWasi {
            state.wasi = Some(Box::new(EmptyWasi::of_review(review)));
        }
        state
    }
}

/// What a call came to, in words where it is no verdict.
fn settle(
    said: wasmtime::Result<Result<Verdict, EvaluateAnswer>>,
    store: &Store<HostState>,
    limits: &Limits,
) -> Result<Verdict, EvaluationError> {
    match said {
        Ok(Ok(verdict)) => {
            store.data().log.violations(verdict.violations());
            Ok(verdict)
        }
        Ok(Err(EvaluateAnswer::Failed(failure))) => Err(EvaluationError::Failed(failure)),
        Ok(Err(EvaluateAnswer::Nonsense(reason))) => Err(EvaluationError::Nonsense(reason)),
        Err(error) => Err(outcome::explain(&error, store.data(), limits)),
    }
}

fn waiting_for(store: Store<HostState>) -> Option<String> {
    match store.into_data().phase {
        Phase::Judging(judging) => judging.waiting_for,
        Phase::Loading { .. } => None,
    }
}
