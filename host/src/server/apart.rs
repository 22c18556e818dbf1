//! Answers on threads of their own.

use std::panic::resume_unwind;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Answer, Reply};
use crate::admission::Caller;

/// Has reviews answered on other threads than those that read them.
///
/// However many reviews wait for their turn, the next one is read when it comes: its time begins
/// then, so that it is answered before the API server gives up, and health is told meanwhile. A review
/// whose caller has gone, or was answered for want of time, loses its turn.
#[derive(Debug)]
pub struct Apart<A> {
    answer: Arc<A>,
    threads: Handle,
}

impl<A: Answer> Apart<A> {
    /// Has `answer` work on the threads of a runtime, which must outlive the server.
    pub const fn new(answer: Arc<A>, threads: Handle) -> Self {
        Self { answer, threads }
    }
}

impl<A: Answer> Answer for Apart<A> {
    async fn answer(&self, body: Bytes, caller: Caller, deadline: Instant) -> Reply {
        let answer = Arc::clone(&self.answer);
        // Ends what is in it when it is dropped, as a bare task would not.
        let mut turn = JoinSet::new();
        let answered = async move { answer.answer(body, caller, deadline).await };
        turn.spawn_on(answered, &self.threads);
        match turn.join_next().await.expect("one was put in") {
            Ok(reply) => reply,
            // Nobody ends it but this future, so it is a panic, to be told as one of ours.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}
