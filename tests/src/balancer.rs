//! A balancer of TCP connections, as a Service's endpoints are: each new connection goes to the
//! next process that is ready; connections that are open stay where they are.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::server::Serve;

/// How often readiness is asked, and so how late the balancer learns of an end.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    /// Where clients connect.
    pub address: SocketAddr,
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
    pub async fn start(servers: &[&Serve]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let backends: Arc<[Backend]> = servers
            .iter()
            .map(|server| Backend {
                webhook: server.webhook,
                admin: server.admin,
                ready: AtomicBool::new(true),
            })
            .collect();
        for index in 0..backends.len() {
            tokio::spawn(ask(Arc::clone(&backends), index));
        }
        tokio::spawn(accept(listener, backends));
        Self { address }
    }
}

async fn ask(backends: Arc<[Backend]>, index: usize) {
    let backend = &backends[index];
    loop {
        let answer = reqwest::get(format!("http://{}/readyz", backend.admin)).await;
        let ready = answer.is_ok_and(|answer| answer.status().is_success());
        backend.ready.store(ready, Ordering::Relaxed);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn accept(listener: TcpListener, backends: Arc<[Backend]>) {
    let turn = AtomicUsize::new(0);
    while let Ok((mut client, _)) = listener.accept().await {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        let next = (0..backends.len()).map(|step| &backends[(turn + step) % backends.len()]);
        // Without any that is ready the connection is dropped, and the client's request has failed.
        let Some(backend) = next
            .into_iter()
            .find(|backend| backend.ready.load(Ordering::Relaxed))
        else {
            continue;
        };
        let webhook = backend.webhook;
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(webhook).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
