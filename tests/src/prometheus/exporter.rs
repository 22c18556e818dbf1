//! What Prometheus scrapes.

use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Serves metrics in Prometheus' text format for as long as the process lives.
pub struct Exporter {
    address: SocketAddr,
}

impl Exporter {
    /// Starts to serve.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(metrics: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n\
                    connection: close\r\n";
        let answer = format!("{head}content-length: {}\r\n\r\n{metrics}", metrics.len());
        let answer: Arc<str> = answer.into();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A scraper that went away is none of ours.
                let _ = serve(stream, &answer);
            }
        });
        Ok(Self { address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

fn serve(mut stream: TcpStream, answer: &str) -> Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(answer.as_bytes())
}
