//! When a connection last did something worth keeping it for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::options::Bounds;

/// The state of one connection, written by its stream and its requests, read by its guard.
///
/// Hyper's own header timeout also runs while a connection waits for its next request, so it would
/// have to be as long as the idle timeout; here the two are apart.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    /// Milliseconds after birth at which the last request ended.
    idle_since: AtomicU64,
    /// Milliseconds after birth, plus one, at which a head began to arrive; 0 while none does.
    head_since: AtomicU64,
    open: AtomicU32,
    ended: Notify,
}

/// What a look at the pulse tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing to do before that instant.
    Well(Instant),
    /// Idle for too long.
    Idle,
    /// A request's head has been arriving for too long.
    Stalled,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            open: AtomicU32::new(0),
            ended: Notify::new(),
        })
    }

    /// A request's head has arrived; it is open until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        Open(Arc::clone(self))
    }

    /// Waits for the end of a request.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Whether a request is in the works.
    pub(super) fn busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// Whether a part of a request's head has come.
    pub(super) fn head_arriving(&self) -> bool {
        self.head_since.load(Relaxed) > 0
    }

    pub(super) fn sign(&self, bounds: &Bounds, now: Instant) -> Sign {
        if self.busy() {
            return Sign::Well(now + bounds.head);
        }
        let head = self.head_since.load(Relaxed);
        if head > 0 {
            let until = self.born + Duration::from_millis(head - 1) + bounds.head;
            return if now >= until {
                Sign::Stalled
            } else {
                Sign::Well(until)
            };
        }
        let until = self.born + Duration::from_millis(self.idle_since.load(Relaxed)) + bounds.idle;
        if now >= until {
            Sign::Idle
        } else {
            Sign::Well(until.min(now + bounds.head))
        }
    }

    fn bytes_came(&self) {
        if !self.busy() && !self.head_arriving() {
            self.head_since.store(self.age() + 1, Relaxed);
        }
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

/// A request in the works.
#[derive(Debug)]
pub(super) struct Open(Arc<Pulse>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.age(), Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
        self.0.ended.notify_one();
    }
}

/// A stream of HTTP/1.1 that tells its pulse when a head begins to arrive.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.bytes_came();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
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

    fn at(pulse: &Pulse, seconds: u64) -> Instant {
        pulse.born + Duration::from_secs(seconds)
    }

    #[test]
    fn an_idle_connection_is_let_be_for_the_idle_timeout() {
        let pulse = Pulse::new();
        assert!(matches!(pulse.sign(&BOUNDS, at(&pulse, 99)), Sign::Well(_)));
        assert_eq!(pulse.sign(&BOUNDS, at(&pulse, 100)), Sign::Idle);
    }

    #[test]
    fn a_request_starts_the_idle_time_anew() {
        let pulse = Pulse::new();
        std::thread::sleep(Duration::from_millis(5));
        drop(pulse.begin());
        assert!(matches!(
            pulse.sign(&BOUNDS, at(&pulse, 100)),
            Sign::Well(_)
        ));
        assert_eq!(pulse.sign(&BOUNDS, at(&pulse, 110)), Sign::Idle);
    }

    #[test]
    fn a_request_in_the_works_keeps_its_connection() {
        let pulse = Pulse::new();
        let open = pulse.begin();
        assert!(matches!(
            pulse.sign(&BOUNDS, at(&pulse, 1000)),
            Sign::Well(_)
        ));
        drop(open);
    }

    #[test]
    fn a_head_that_trickles_in_stalls_however_many_bytes_come() {
        let pulse = Pulse::new();
        for _ in 0..10 {
            pulse.bytes_came();
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(matches!(pulse.sign(&BOUNDS, at(&pulse, 9)), Sign::Well(_)));
        assert_eq!(
            pulse.sign(&BOUNDS, pulse.born + Duration::from_millis(10_010)),
            Sign::Stalled
        );
    }

    #[test]
    fn a_head_that_has_arrived_stalls_no_more() {
        let pulse = Pulse::new();
        pulse.bytes_came();
        drop(pulse.begin());
        assert!(matches!(pulse.sign(&BOUNDS, at(&pulse, 50)), Sign::Well(_)));
    }
}
