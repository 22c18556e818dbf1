//! A network that is slow.

use std::io::Result;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A TCP proxy that lets requests through at once and answers after a while.
pub struct SlowProxy {
    address: SocketAddr,
}

impl SlowProxy {
    /// Stands before the server at `url`, which is plain HTTP.
    ///
    /// # Errors
    /// There is no free port.
    pub fn before(url: &str, delay: Duration) -> Result<Self> {
        let upstream = url.split('/').nth(2).unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = upstream.clone();
                thread::spawn(move || forward(client, &upstream, delay));
            }
        });
        Ok(Self { address })
    }

    /// The given address by way of the proxy.
    #[must_use]
    pub fn url(&self, direct: &str) -> String {
        let path: Vec<&str> = direct.split('/').skip(3).collect();
        format!("http://{}/{}", self.address, path.join("/"))
    }
}

fn forward(client: TcpStream, upstream: &str, delay: Duration) -> Result<()> {
    let server = TcpStream::connect(upstream)?;
    let (mut requests, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || std::io::copy(&mut requests, &mut to_server));
    thread::sleep(delay);
    let (mut answers, mut to_client) = (server, client);
    std::io::copy(&mut answers, &mut to_client)?;
    Ok(())
}
