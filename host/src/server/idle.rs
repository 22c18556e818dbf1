//! Tracks whether a connection is idle, or slow to send the head of a request; and which idle
//! connection to close for a new one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
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
    /// Whether a request was answered with HTTP 200, as a review of the API server is.
    answered: AtomicBool,
    evicted: Notify,
    /// The position among the idle connections; 0 while a request is open.
    position: AtomicU64,
    connections: Arc<IdleConnections>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdleCheck {
    /// Nothing to do before that instant.
    CheckAgainAt(Instant),
    /// Idle for too long.
    Idle,
    /// The head of a request has been arriving, or the first request not come, for too long.
    HeadTimeout,
}

impl IdleTracker {
    pub(super) fn new(connections: &Arc<IdleConnections>) -> Arc<Self> {
        let tracker = Arc::new(Self {
            created: Instant::now(),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            open: AtomicU32::new(0),
            ended: Notify::new(),
            answered: AtomicBool::new(false),
            evicted: Notify::new(),
            position: AtomicU64::new(0),
            connections: Arc::clone(connections),
        });
        connections.add(&tracker);
        tracker
    }

    /// Counts a request as open until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        self.connections.remove(self);
        Open(Arc::clone(self))
    }

    /// Waits until a request ends.
    pub(super) async fn request_ended(&self) {
        self.ended.notified().await;
    }

    /// Waits until this connection is to be closed for a new one.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
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
        let idle_since = self.idle_since.load(Relaxed);
        if idle_since == 0 {
            // No request has come yet, and clients connect only to send one.
            let until = self.created + bounds.head.min(bounds.idle);
            return if now >= until {
                IdleCheck::HeadTimeout
            } else {
                IdleCheck::CheckAgainAt(until)
            };
        }
        let until = self.created + Duration::from_millis(idle_since) + bounds.idle;
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

impl Open {
    /// Notes that the request was answered with HTTP 200.
    pub(super) fn answered(&self) {
        self.0.answered.store(true, Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.age().max(1), Relaxed);
        if self.0.open.fetch_sub(1, Relaxed) == 1 {
            self.0.connections.add(&self.0);
        }
        self.0.ended.notify_one();
    }
}

impl Drop for IdleTracker {
    fn drop(&mut self) {
        self.connections.remove(self);
    }
}

/// The idle connections of a server, so that they never keep a new one out.
#[derive(Debug, Default)]
pub(super) struct IdleConnections(Mutex<Queues>);

/// Connections by the order in which they became idle.
#[derive(Debug, Default)]
struct Queues {
    last: u64,
    /// Those without a request that was answered with HTTP 200: the API server's have one.
    unused: BTreeMap<u64, Weak<IdleTracker>>,
    used: BTreeMap<u64, Weak<IdleTracker>>,
}

impl IdleConnections {
    /// Closes the connection that has been idle for longest, an unused one first.
    pub(super) fn evict_one(&self) {
        let evicted = {
            let mut queues = self.queues();
            let first = queues.unused.pop_first();
            first.or_else(|| queues.used.pop_first())
        };
        if let Some(tracker) = evicted.and_then(|(_, tracker)| tracker.upgrade()) {
            tracker.evicted.notify_one();
        }
    }

    fn add(&self, tracker: &Arc<IdleTracker>) {
        let mut queues = self.queues();
        queues.last += 1;
        let position = queues.last;
        tracker.position.store(position, Relaxed);
        let queue = if tracker.answered.load(Relaxed) {
            &mut queues.used
        } else {
            &mut queues.unused
        };
        queue.insert(position, Arc::downgrade(tracker));
    }

    fn remove(&self, tracker: &IdleTracker) {
        let position = tracker.position.swap(0, Relaxed);
        if position > 0 {
            let mut queues = self.queues();
            queues.unused.remove(&position);
            queues.used.remove(&position);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        // Each change is one insertion or removal: a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn connection_without_a_request_hits_the_head_timeout() {
        let tracker = IdleTracker::new(&Arc::default());
        assert_eq!(
            tracker.check(&BOUNDS, at(&tracker, 9)),
            IdleCheck::CheckAgainAt(at(&tracker, 10))
        );
        assert_eq!(
            tracker.check(&BOUNDS, at(&tracker, 10)),
            IdleCheck::HeadTimeout
        );
    }

    #[test]
    fn unused_connection_is_evicted_before_used_ones_and_busy_ones_are_not() {
        use futures_util::FutureExt as _;
        let connections = Arc::<IdleConnections>::default();
        let new = || IdleTracker::new(&connections);
        let (used, unused, busy) = (new(), new(), new());
        let request = used.begin();
        request.answered();
        drop(request);
        let _request = busy.begin();
        let evicted = || [&used, &unused, &busy].map(|it| it.evicted().now_or_never().is_some());
        connections.evict_one();
        assert_eq!(evicted(), [false, true, false]);
        connections.evict_one();
        assert_eq!(evicted(), [true, false, false]);
        connections.evict_one();
        assert_eq!(evicted(), [false, false, false]);
    }

    fn at(tracker: &IdleTracker, seconds: u64) -> Instant {
        tracker.created + Duration::from_secs(seconds)
    }

    #[test]
    fn idle_connection_is_kept_until_the_idle_timeout() {
        let tracker = IdleTracker::new(&Arc::default());
        drop(tracker.begin());
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 99)),
            IdleCheck::CheckAgainAt(_)
        ));
        assert_eq!(tracker.check(&BOUNDS, at(&tracker, 101)), IdleCheck::Idle);
    }

    #[test]
    fn request_restarts_the_idle_timeout() {
        let tracker = IdleTracker::new(&Arc::default());
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
        let tracker = IdleTracker::new(&Arc::default());
        let open = tracker.begin();
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 1000)),
            IdleCheck::CheckAgainAt(_)
        ));
        drop(open);
    }

    #[test]
    fn head_that_trickles_in_hits_the_head_timeout() {
        let tracker = IdleTracker::new(&Arc::default());
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
        let tracker = IdleTracker::new(&Arc::default());
        tracker.bytes_arrived();
        drop(tracker.begin());
        assert!(matches!(
            tracker.check(&BOUNDS, at(&tracker, 50)),
            IdleCheck::CheckAgainAt(_)
        ));
    }
}
