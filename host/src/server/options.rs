use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How the server serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the webhook listens.
    pub listen: SocketAddr,
    /// Where health and metrics listen.
    pub admin: SocketAddr,
    /// What one client may use up.
    pub bounds: Bounds,
    /// How it ends.
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

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest body, in bytes. A review of an update carries two objects of up to 3 MiB each
    /// (the API server's limit of a request), plus the review's own fields.
    pub body: usize,
    /// The bytes of all bodies held at once; a request that finds no room waits for it.
    pub bodies: usize,
    /// Connections open at once; more wait in the listener's backlog.
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
            bodies: 512 << 20,
            connections: 2048,
            idle: Duration::from_secs(300),
            head: Duration::from_secs(10),
        }
    }
}

/// How the server ends without losing a request.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long it goes on accepting after readiness fails, so that every balancer has taken it
    /// out; each answer meanwhile asks its client to reconnect elsewhere.
    pub delay: Duration,
    /// How long the requests accepted by then may take to finish.
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
