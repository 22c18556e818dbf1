use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Permits of the shared budget are counted in these, to fit a semaphore's range.
const UNIT: usize = 1024;

/// What is thrown away of a body that is too large, so that its sender comes to read the answer
/// instead of a reset connection.
const DISCARDED: usize = 64 << 20;

/// How much of bodies may be held, one by one and all together.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    each: usize,
    all: Arc<Semaphore>,
}

/// A whole body, and its share of the budget for as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {0} bytes; the limit is set with --body-limit")]
    TooLarge(usize),
    #[error("the body did not arrive whole before the deadline: {0} bytes came")]
    Slow(usize),
    #[error("no memory was left for the body before the deadline: too many large reviews at once")]
    NoRoom,
    #[error("the body broke off: {0}")]
    Broken(String),
}

impl Budget {
    /// `each` bytes for one body, `all` bytes for all of them.
    pub(super) fn new(each: usize, all: usize) -> Self {
        let units = all.max(each).div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            each,
            all: Arc::new(Semaphore::new(units)),
        }
    }

    /// Reads a whole body. Its share of the budget grows with what has arrived, so that one who
    /// announces much and sends nothing takes nothing.
    pub(super) async fn read<B>(&self, mut body: B, deadline: Instant) -> Result<Held, BodyError>
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
        Ok(Held {
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

/// What has arrived: one part as it came, or several copied together.
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
            // Trailers say nothing that we read.
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
    async fn parts_are_put_together_up_to_the_limit_and_not_beyond() {
        let budget = Budget::new(10, 1 << 20);
        let held = budget.read(chunks(&[3, 3, 4]), soon()).await.expect("fits");
        assert_eq!(held.bytes, "x".repeat(10));
        let error = budget
            .read(chunks(&[3, 3, 5]), soon())
            .await
            .expect_err("too large");
        assert!(matches!(error, BodyError::TooLarge(10)), "{error}");
    }

    #[tokio::test]
    async fn an_announced_length_above_the_limit_is_refused() {
        let budget = Budget::new(10, 1 << 20);
        let error = budget
            .read(Full::new(Bytes::from(vec![0; 11])), soon())
            .await
            .expect_err("too large");
        assert!(matches!(error, BodyError::TooLarge(10)), "{error}");
    }

    #[tokio::test]
    async fn a_body_that_stalls_ends_at_the_deadline() {
        let budget = Budget::new(10, 1 << 20);
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc")))]);
        let body = StreamBody::new(first.chain(stream::pending()));
        let error = budget.read(body, soon()).await.expect_err("slow");
        assert!(matches!(error, BodyError::Slow(3)), "{error}");
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_get_it_when_another_is_dropped() {
        let budget = Budget::new(2048, 2048);
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
