//! A balancer of TCP connections, as a Service's endpoints are: each new connection goes to the
//! next process that is ready; connections that are open stay where they are.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::server::Serve;

/// How often readiness is asked, and so how late the balancer learns of an end.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A running balancer. It has a thread of its own: one that a whole file of tests shares outlives
/// the runtime of the first.
#[derive(Debug)]
pub struct Balancer {
    /// Where clients connect.
    pub address: SocketAddr,
    backends: Arc<Backends>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct Backends {
    all: Mutex<Vec<Arc<Backend>>>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Backend {
    webhook: SocketAddr,
    admin: SocketAddr,
    ready: AtomicBool,
}

impl Balancer {
    /// Spreads connections over these servers, which are ready now.
    ///
    /// # Panics
    /// Where no port can be had.
    #[must_use]
    pub fn start(servers: &[&Serve]) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let backends = Arc::<Backends>::default();
        runtime.spawn(accept(listener, Arc::clone(&backends)));
        let balancer = Self {
            address,
            backends,
            runtime: Some(runtime),
        };
        for server in servers {
            balancer.add(server).ready.store(true, Ordering::Relaxed);
        }
        balancer
    }

    /// Takes one more server in: connections go to it from when it is ready.
    pub fn join(&self, server: &Serve) {
        self.add(server);
    }

    fn add(&self, server: &Serve) -> Arc<Backend> {
        let backend = Arc::new(Backend {
            webhook: server.webhook,
            admin: server.admin,
            ready: AtomicBool::new(false),
        });
        self.backends.all().push(Arc::clone(&backend));
        if let Some(runtime) = &self.runtime {
            runtime.spawn(ask(Arc::clone(&backend)));
        }
        backend
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Not waited for: that is not allowed where this may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Backends {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Backend>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose turn it is, of those that are ready.
    fn next(&self) -> Option<SocketAddr> {
        let all = self.all();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut order = (0..all.len()).map(|step| &all[(turn + step) % all.len()]);
        let next = order.find(|backend| backend.ready.load(Ordering::Relaxed));
        next.map(|backend| backend.webhook)
    }
}

async fn ask(backend: Arc<Backend>) {
    loop {
        let answer = reqwest::get(format!("http://{}/readyz", backend.admin)).await;
        let ready = answer.is_ok_and(|answer| answer.status().is_success());
        backend.ready.store(ready, Ordering::Relaxed);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn accept(listener: std::net::TcpListener, backends: Arc<Backends>) {
    let listener = TcpListener::from_std(listener).expect("a runtime");
    while let Ok((client, _)) = listener.accept().await {
        // Without any that is ready the connection is dropped, and the client's request has failed.
        let Some(webhook) = backends.next() else {
            continue;
        };
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(webhook).await {
                // Or each answer waits for the kernel's delayed acknowledgement, 40 ms.
                let _ = client.set_nodelay(true).and(server.set_nodelay(true));
                pass(client, server).await;
            }
        });
    }
}

/// Until both are done: what a server said last arrives, though it takes no more itself.
async fn pass(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let _ = copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let back = async {
        let _ = copy(&mut from_server, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::join!(there, back);
}
