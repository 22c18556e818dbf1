//! Runs evaluations on a runtime of their own.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// The runtime that handles reviews, separate from the one that reads requests.
///
/// Under overload, requests are read as they arrive: each one's deadline starts then, it is answered
/// before the API server gives up, and health checks are answered too.
#[derive(Clone, Debug)]
pub(crate) struct EvaluationPool(Handle);

impl EvaluationPool {
    /// Uses a runtime that outlives the server.
    #[must_use]
    pub(crate) const fn new(runtime: Handle) -> Self {
        Self(runtime)
    }

    /// Runs a future on the pool. Dropping the returned future cancels it: a review whose caller has
    /// gone, or whose deadline has passed, takes no more time.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        // A JoinSet aborts its tasks when it is dropped; a bare task would go on.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(future, &self.0);
        match tasks.join_next().await.expect("one task was spawned") {
            Ok(output) => output,
            // Nobody else aborts the task, so it panicked.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}
