//! Reads request bodies within a budget of memory. What a body costs is more than its bytes: before it is
//! read, the memory is reserved that its review may take.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::admission::{ReservedMemory, ReviewBody, memory_of_review};

/// Up to this length a body is small. Small ones have a budget of their own, so that they never wait for
/// large ones.
const SMALL: usize = 256 << 10;

/// How many bytes of a body that is too large are read and dropped, so that the client reads the
/// response instead of seeing a reset connection.
const DISCARDED: usize = 64 << 20;

/// The largest body, and the memory that reviews may take together.
#[derive(Clone, Debug)]
pub(super) struct BodyBudget {
    each: usize,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
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
    /// Allows `each` bytes for one body, and `all` bytes of memory for all reviews: a half for small ones,
    /// a half for large ones. A half has at least room for one.
    pub(super) fn new(each: usize, all: usize) -> Self {
        let room = |largest: usize| {
            let bytes = (all / 2).max(memory_of_review(largest));
            let permits = ReservedMemory::permits(bytes).min(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(permits))
        };
        Self {
            each,
            small: room(SMALL.min(each)),
            large: room(each),
        }
    }

    /// Reads a complete body. Its memory is reserved at once, so that no two bodies wait for each other
    /// half read; and only after its first bytes, so that a client that announces much and sends nothing
    /// takes nothing.
    pub(super) async fn read<B>(
        &self,
        mut body: B,
        deadline: Instant,
    ) -> Result<ReviewBody, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        if body.size_hint().lower() > self.each as u64 {
            discard(body, deadline).await;
            return Err(BodyError::TooLarge(self.each));
        }
        let (mut parts, mut reserved) = (Parts::default(), Reserved::default());
        while let Some(part) = next(&mut body, deadline, parts.len).await? {
            let len = parts.len + part.len();
            if len > self.each {
                discard(body, deadline).await;
                return Err(BodyError::TooLarge(self.each));
            }
            if len > reserved.for_length {
                let hint = body.size_hint();
                let to_come = hint.exact().and_then(|bytes| usize::try_from(bytes).ok());
                let length = self.length(len, to_come);
                // Until then it keeps what it has, for the bytes that have arrived.
                reserved = self.reserve(length, deadline).await?;
            }
            parts.push(part, body.size_hint().lower());
        }
        Ok(ReviewBody::new(parts.bytes(), reserved.memory))
    }

    /// Returns for which length memory is reserved: that of the body, or the limit where it is not known.
    fn length(&self, arrived: usize, to_come: Option<usize>) -> usize {
        let length = match to_come {
            Some(to_come) => arrived.saturating_add(to_come),
            None if arrived <= SMALL => SMALL,
            None => self.each,
        };
        length.min(self.each)
    }

    async fn reserve(&self, length: usize, deadline: Instant) -> Result<Reserved, BodyError> {
        let budget = if length <= SMALL {
            &self.small
        } else {
            &self.large
        };
        let permits = ReservedMemory::permits(memory_of_review(length));
        let Ok(permits) = u32::try_from(permits) else {
            return Err(BodyError::TooLarge(self.each));
        };
        let acquired = Arc::clone(budget).acquire_many_owned(permits);
        match timeout_at(deadline, acquired).await {
            Ok(Ok(permits)) => Ok(Reserved {
                memory: Some(ReservedMemory::new(permits)),
                for_length: length,
            }),
            _ => Err(BodyError::NoRoom),
        }
    }
}

/// The memory that is reserved for a body of up to a length.
#[derive(Default)]
struct Reserved {
    memory: Option<ReservedMemory>,
    for_length: usize,
}

/// The bytes so far: one part as it came, or several parts joined.
#[derive(Default)]
struct Parts {
    first: Bytes,
    joined: BytesMut,
    len: usize,
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
    use std::pin::Pin;
    use std::task::Poll;
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{Full, StreamBody};
    use hyper::body::{Frame, SizeHint};
    use tokio::sync::oneshot;

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
        let budget = BodyBudget::new(10, 8 << 20);
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
        let budget = BodyBudget::new(10, 8 << 20);
        let error = budget
            .read(Full::new(Bytes::from(vec![0; 11])), soon())
            .await
            .expect_err("too large");
        assert!(matches!(error, BodyError::TooLarge(10)), "{error}");
    }

    #[tokio::test]
    async fn stalled_body_fails_at_the_deadline() {
        let budget = BodyBudget::new(10, 8 << 20);
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

    /// A body of a known length that sends its last byte when it is told to.
    fn halting(
        len: usize,
    ) -> (
        impl Body<Data = Bytes, Error = Infallible> + Unpin,
        oneshot::Sender<()>,
    ) {
        let (go_on, told) = oneshot::channel();
        let first = Frame::data(Bytes::from(vec![b'x'; len - 1]));
        let last = async move {
            told.await.expect("the test goes on");
            Ok(Frame::data(Bytes::from_static(b"x")))
        };
        let parts = stream::iter([Ok(first)]).chain(stream::once(last));
        let body = WithLength {
            parts: StreamBody::new(Box::pin(parts)),
            left: len as u64,
        };
        (body, go_on)
    }

    /// A body that knows its length, as one with a `content-length`.
    struct WithLength<B> {
        parts: B,
        left: u64,
    }

    impl<B: Body<Data = Bytes> + Unpin> Body for WithLength<B> {
        type Data = Bytes;
        type Error = B::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
            let polled = Pin::new(&mut self.parts).poll_frame(context);
            if let Poll::Ready(Some(Ok(frame))) = &polled {
                self.left -= frame.data_ref().map_or(0, Bytes::len) as u64;
            }
            polled
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.left)
        }
    }

    #[tokio::test]
    async fn small_body_is_read_although_large_ones_wait_for_memory() {
        const LARGE: usize = 1 << 20;
        let budget = BodyBudget::new(LARGE, 0);
        let _first = budget.read(chunks(&[LARGE]), soon()).await.expect("room");
        let error = budget.read(chunks(&[LARGE]), soon()).await;
        assert!(matches!(error, Err(BodyError::NoRoom)), "{error:?}");
        budget
            .read(chunks(&[LARGE / 8]), soon())
            .await
            .expect("it is small");
    }

    #[tokio::test]
    async fn bodies_never_wait_for_each_other_half_read() {
        const LARGE: usize = 1 << 20;
        let budget = BodyBudget::new(LARGE, 3 * LARGE * 9);
        let later = Instant::now() + Duration::from_secs(10);
        let (mut bodies, mut told) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let (body, go_on) = halting(LARGE);
            let budget = budget.clone();
            bodies.push(tokio::spawn(async move {
                budget.read(body, later).await.map(drop)
            }));
            told.push(go_on);
        }
        tokio::task::yield_now().await;
        for go_on in told {
            go_on.send(()).expect("it is still read");
        }
        for body in bodies {
            body.await.expect("no panic").expect("it is read in turn");
        }
    }
}
