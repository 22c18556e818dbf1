//! Reads request bodies within a budget of memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The bytes of one permit, so that the budget fits into a semaphore.
const UNIT: usize = 1024;

/// How many bytes of a body that is too large are read and dropped, so that the client reads the
/// response instead of seeing a reset connection.
const DISCARDED: usize = 64 << 20;

/// The memory that bodies may take: one, and all together.
#[derive(Clone, Debug)]
pub(super) struct BodyBudget {
    each: usize,
    all: Arc<Semaphore>,
}

/// A complete body. It keeps its share of the budget until it is dropped.
#[derive(Debug)]
pub(super) struct BufferedBody {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {0} bytes; the limit is set with --body-limit")]
    TooLarge(usize),
    #[error("the body did not arrive completely before the deadline: got {0} bytes")]
    Slow(usize),
    #[error("no memory was left for the body before the deadline: too many large reviews at once")]
    NoRoom,
    #[error("the connection broke while the body was read: {0}")]
    Broken(String),
}

impl BodyBudget {
    /// Allows `each` bytes for one body and `all` bytes for all of them.
    pub(super) fn new(each: usize, all: usize) -> Self {
        let units = all.max(each).div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            each,
            all: Arc::new(Semaphore::new(units)),
        }
    }

    /// Reads a complete body. Its share of the budget grows with the bytes that have arrived, so a
    /// client that announces much and sends nothing takes nothing.
    pub(super) async fn read<B>(
        &self,
        mut body: B,
        deadline: Instant,
    ) -> Result<BufferedBody, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        if body.size_hint().lower() > self.each as u64 {
            discard(body, deadline).await;
            return Err(BodyError::TooLarge(self.each));
        }
        let mut parts = Parts::default();
        while let Some(part) = next(&mut body, deadline, parts.len).await? {
            if parts.len + part.len() > self.each {
                discard(body, deadline).await;
                return Err(BodyError::TooLarge(self.each));
            }
            self.grow(&mut parts, part.len(), deadline).await?;
            parts.push(part, body.size_hint().lower());
        }
        Ok(BufferedBody {
            bytes: parts.bytes(),
            _share: parts.share,
        })
    }

    async fn grow(
        &self,
        parts: &mut Parts,
        more: usize,
        deadline: Instant,
    ) -> Result<(), BodyError> {
        let wanted = (parts.len + more).div_ceil(UNIT) - parts.len.div_ceil(UNIT);
        let Ok(wanted) = u32::try_from(wanted) else {
            return Err(BodyError::TooLarge(self.each));
        };
        let acquired = timeout_at(deadline, Arc::clone(&self.all).acquire_many_owned(wanted)).await;
        let Ok(Ok(share)) = acquired else {
            return Err(BodyError::NoRoom);
        };
        match &mut parts.share {
            Some(held) => held.merge(share),
            None => parts.share = Some(share),
        }
        Ok(())
    }
}

/// The bytes so far: one part as it came, or several parts joined.
#[derive(Default)]
struct Parts {
    first: Bytes,
    joined: BytesMut,
    len: usize,
    share: Option<OwnedSemaphorePermit>,
}

impl Parts {
    fn push(&mut self, part: Bytes, to_come: u64) {
        if self.len == 0 {
            self.len = part.len();
            self.first = part;
            return;
        }
        if self.joined.is_empty() {
            let to_come = usize::try_from(to_come).unwrap_or(0);
            self.joined.reserve(self.len + part.len() + to_come);
            self.joined.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.joined.extend_from_slice(&part);
        self.len += part.len();
    }

    fn bytes(&mut self) -> Bytes {
        if self.joined.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            self.joined.split().freeze()
        }
    }
}

async fn next<B>(body: &mut B, deadline: Instant, so_far: usize) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(BodyError::Slow(so_far)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(BodyError::Broken(error.to_string())),
            // Trailers are ignored.
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn discard<B>(mut body: B, deadline: Instant)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut gone = 0;
    while gone < DISCARDED {
        match next(&mut body, deadline, gone).await {
            Ok(Some(part)) => gone += part.len(),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn chunks(sizes: &[usize]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin + use<> {
        let parts: Vec<_> = sizes
            .iter()
            .map(|size| Ok(Frame::data(Bytes::from(vec![b'x'; *size]))))
            .collect();
        StreamBody::new(stream::iter(parts))
    }

    #[tokio::test]
    async fn parts_are_joined_up_to_the_limit() {
        let budget = BodyBudget::new(10, 1 << 20);
        let body = budget.read(chunks(&[3, 3, 4]), soon()).await.expect("fits");
        assert_eq!(body.bytes, "x".repeat(10));
        let error = budget
            .read(chunks(&[3, 3, 5]), soon())
            .await
            .expect_err("too large");
        assert!(matches!(error, BodyError::TooLarge(10)), "{error}");
    }

    #[tokio::test]
    async fn announced_length_above_the_limit_is_rejected() {
        let budget = BodyBudget::new(10, 1 << 20);
        let error = budget
            .read(Full::new(Bytes::from(vec![0; 11])), soon())
            .await
            .expect_err("too large");
        assert!(matches!(error, BodyError::TooLarge(10)), "{error}");
    }

    #[tokio::test]
    async fn stalled_body_fails_at_the_deadline() {
        let budget = BodyBudget::new(10, 1 << 20);
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc")))]);
        let body = StreamBody::new(first.chain(stream::pending()));
        let error = budget.read(body, soon()).await.expect_err("slow");
        assert!(matches!(error, BodyError::Slow(3)), "{error}");
    }

    #[tokio::test]
    async fn body_waits_for_memory_until_another_is_dropped() {
        let budget = BodyBudget::new(2048, 2048);
        let first = budget.read(chunks(&[2048]), soon()).await.expect("room");
        let error = budget
            .read(chunks(&[1]), soon())
            .await
            .expect_err("no room");
        assert!(matches!(error, BodyError::NoRoom), "{error}");
        drop(first);
        budget.read(chunks(&[1]), soon()).await.expect("room again");
    }
}
