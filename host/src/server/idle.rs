//! Tracks whether a connection is idle, or slow to send the head of a request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::options::Bounds;

/// The state of one connection, written by its stream and its requests, read by its task.
///
/// Hyper's own header timeout also runs while a connection waits for its next request, so it would
/// have to be as long as the idle timeout. These are two timeouts here.
#[derive(Debug)]
pub(super) struct IdleTracker {
    created: Instant,
    /// Milliseconds after `created` at which the last request ended.
    idle_since: AtomicU64,
    /// Milliseconds after `created`, plus one, at which a head began to arrive; 0 while none does.
    head_since: AtomicU64,
    open: AtomicU32,
    ended: Notify,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdleCheck {
    /// Nothing to do before that instant.
    CheckAgainAt(Instant),
    /// Idle for too long.
    Idle,
    /// A request's head has been arriving for too long.
    HeadTimeout,
}

impl IdleTracker {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            created: Instant::now(),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            open: AtomicU32::new(0),
            ended: Notify::new(),
        })
    }

    /// Counts a request as open until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        Open(Arc::clone(self))
    }

    /// Waits until a request ends.
    pub(super) async fn request_ended(&self) {
        self.ended.notified().await;
    }

    /// Returns whether a request is open.
    pub(super) fn busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// Returns whether a part of a request's head has arrived.
    pub(super) fn head_arriving(&self) -> bool {
        self.head_since.load(Relaxed) > 0
    }

    pub(super) fn check(&self, bounds: &Bounds, now: Instant) -> IdleCheck {
        if self.busy() {
            return IdleCheck::CheckAgainAt(now + bounds.head);
        }
        let head = self.head_since.load(Relaxed);
        if head > 0 {
            let until = self.created + Duration::from_millis(head - 1) + bounds.head;
            return if now >= until {
                IdleCheck::HeadTimeout
            } else {
                IdleCheck::CheckAgainAt(until)
            };
        }
        let until =
            self.created + Duration::from_millis(self.idle_since.load(Relaxed)) + bounds.idle;
        if now >= until {
            IdleCheck::Idle
        } else {
            IdleCheck::CheckAgainAt(until.min(now + bounds.head))
        }
    }

    fn bytes_arrived(&self) {
        if !self.busy() && !self.head_arriving() {
            self.head_since.store(self.age() + 1, Relaxed);
        }
    }

    fn age(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

/// An open request.
#[derive(Debug)]
pub(super) struct Open(Arc<IdleTracker>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.age(), Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
        self.0.ended.notify_one();
    }
}

/// An HTTP/1.1 stream that tells the tracker when the head of a request begins to arrive.
#[derive(Debug)]
pub(super) struct TrackedStream<S> {
    pub(super) stream: S,
    pub(super) tracker: Arc<IdleTracker>,
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.tracker.bytes_arrived();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        body: 1,
        bodies: 1,
        connections: 1,
        idle: Duration::from_secs(100),
        head: Duration::from_secs(10),
    };

    fn at(tracker: &IdleTracker, seconds: u64) -> Instant {
        tracker.created + Duration::from_secs(seconds)
    }

    #[test]
    fn idle_connection_is_kept_until_the_idle_timeout() {
        let tracker = IdleTracker::new();
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 99)),
            IdleCheck::CheckAgainAt(_)
        ));
        assert_eq!(tracker.check(&BOUNDS, at(&tracker, 100)), IdleCheck::Idle);
    }

    #[test]
    fn request_restarts_the_idle_timeout() {
        let tracker = IdleTracker::new();
        std::thread::sleep(Duration::from_millis(5));
        drop(tracker.begin());
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 100)),
            IdleCheck::CheckAgainAt(_)
        ));
        assert_eq!(tracker.check(&BOUNDS, at(&tracker, 110)), IdleCheck::Idle);
    }

    #[test]
    fn open_request_keeps_its_connection() {
        let tracker = IdleTracker::new();
        let open = tracker.begin();
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 1000)),
            IdleCheck::CheckAgainAt(_)
        ));
        drop(open);
    }

    #[test]
    fn head_that_trickles_in_hits_the_head_timeout() {
        let tracker = IdleTracker::new();
        for _ in 0..10 {
            tracker.bytes_arrived();
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 9)),
            IdleCheck::CheckAgainAt(_)
        ));
        assert_eq!(
            tracker.check(&BOUNDS, tracker.created + Duration::from_millis(10_010)),
            IdleCheck::HeadTimeout
        );
    }

    #[test]
    fn a_head_that_has_arrived_stalls_no_more() {
        let tracker = IdleTracker::new();
        tracker.bytes_arrived();
        drop(tracker.begin());
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 50)),
            IdleCheck::CheckAgainAt(_)
        ));
    }
}
