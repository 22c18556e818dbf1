//! What can be set of the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The options of the server.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where the webhook listens.
    pub listen: SocketAddr,
    /// Where health and metrics listen.
    pub admin: SocketAddr,
    /// The limits.
    pub bounds: Bounds,
    /// How it shuts down.
    pub drain: Drain,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443)),
            admin: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            bounds: Bounds::default(),
            drain: Drain::default(),
        }
    }
}

/// The limits on clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The largest body, in bytes. A review of an update carries two objects of up to 3 MiB each
    /// (the API server's limit of a request), plus the review's own fields.
    pub body: usize,
    /// The memory of all reviews at once, in bytes; further requests wait.
    pub bodies: usize,
    /// Open connections; further ones wait in the listener's backlog.
    pub connections: usize,
    /// How long a connection may be idle. Longer than the 90 s for which the API server keeps an
    /// idle connection (`IdleConnTimeout` of Go's transport): it does not retry a call that it
    /// sends on a connection we are just closing.
    pub idle: Duration,
    /// How long the head of a request may take from its first byte, and a TLS handshake.
    pub head: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body: 8 << 20,
            bodies: 128 << 20,
            connections: 2048,
            idle: Duration::from_secs(300),
            head: Duration::from_secs(10),
        }
    }
}

/// How the server shuts down without losing a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// How long it still accepts connections after readiness fails, so that every load balancer has
    /// removed it. Each response meanwhile asks its client to reconnect elsewhere.
    pub delay: Duration,
    /// How long open requests may take after that.
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(10),
            timeout: Duration::from_secs(15),
        }
    }
}
