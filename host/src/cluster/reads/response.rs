//! Reads responses of the API server within limits of memory: one, and all together.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::request::RequestError;

/// The most bytes of a response. An object has up to 1.5 MiB (etcd's limit of a request).
const MAX_BYTES: usize = 16 << 20;

/// Responses that are larger than this take turns.
const FREE: usize = 64 << 10;
/// Responses that are larger than this have fewer turns.
const MEDIUM: usize = 1 << 20;

/// How many responses of a size are in memory at once.
static MEDIUM_TURNS: Semaphore = Semaphore::const_new(16);
static LARGE_TURNS: Semaphore = Semaphore::const_new(2);

/// A complete response. It has its turn until it is dropped.
pub(super) struct Response {
    pub(super) bytes: Vec<u8>,
    _turns: Turns,
}

/// The turns of a response that grows: first a medium one, then a large one.
#[derive(Default)]
struct Turns {
    medium: Option<SemaphorePermit<'static>>,
    large: Option<SemaphorePermit<'static>>,
}

impl Response {
    /// Reads a body.
    pub(super) async fn read<B>(mut body: B) -> Result<Self, RequestError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let (mut bytes, mut turns) = (Vec::new(), Turns::default());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| RequestError::Unreachable(error.to_string()))?;
            let Ok(part) = frame.into_data() else {
                continue;
            };
            let length = bytes.len() + part.len();
            if length > MAX_BYTES {
                return Err(RequestError::TooLarge);
            }
            turns.take(length).await;
            bytes.extend_from_slice(&part);
        }
        Ok(Self {
            bytes,
            _turns: turns,
        })
    }
}

impl Turns {
    /// Waits until so many bytes may be in memory. Whoever has a large turn waits for nothing, so turns
    /// end.
    async fn take(&mut self, length: usize) {
        const OPEN: &str = "the semaphore is never closed";
        if length > FREE && self.medium.is_none() {
            self.medium = Some(MEDIUM_TURNS.acquire().await.expect(OPEN));
        }
        if length > MEDIUM && self.large.is_none() {
            self.large = Some(LARGE_TURNS.acquire().await.expect(OPEN));
        }
    }
}
