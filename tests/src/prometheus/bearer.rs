//! A proxy that lets only those through who show a token.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

const REFUSAL: &str = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\n\
                       content-length: 0\r\nconnection: close\r\n\r\n";

/// More than any head of a request in a test.
const LONGEST_HEAD: usize = 64 << 10;

/// An HTTP proxy before a server that asks nobody who he is.
pub struct BearerProxy {
    address: SocketAddr,
}

impl BearerProxy {
    /// Stands before the server at `url`, which is plain HTTP, and lets those through who show this
    /// token.
    ///
    /// # Errors
    /// There is no free port.
    pub fn before(url: &str, token: &str) -> Result<Self> {
        let upstream = url.split('/').nth(2).unwrap_or_default().to_owned();
        let expected = format!("authorization: bearer {token}");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, expected) = (upstream.clone(), expected.clone());
                // Who went away is none of ours.
                thread::spawn(move || forward(client, &upstream, &expected));
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

/// One request a connection: the server is told to close after its answer, so that each shows its
/// token.
fn forward(mut client: TcpStream, upstream: &str, expected: &str) -> Result<()> {
    let (head, body) = read_head(&mut client)?;
    if !head.lines().any(|line| is_header(line, expected)) {
        return client.write_all(REFUSAL.as_bytes());
    }
    let mut server = TcpStream::connect(upstream)?;
    let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    server.write_all(format!("{first}\r\nconnection: close\r\n{headers}").as_bytes())?;
    server.write_all(&body)?;
    let (mut rest, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || std::io::copy(&mut rest, &mut to_server));
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

/// The name of a header and the word `Bearer` in any case, the token as it is.
fn is_header(line: &str, expected: &str) -> bool {
    let token_at = expected.rfind(' ').map_or(0, |space| space + 1);
    line.len() == expected.len()
        && line.is_char_boundary(token_at)
        && line[..token_at].eq_ignore_ascii_case(&expected[..token_at])
        && line[token_at..] == expected[token_at..]
}

/// The head of a request, and what came with it of the body.
fn read_head(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let end = read.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), body));
        }
        let more = client.read(&mut buffer)?;
        if more == 0 || read.len() > LONGEST_HEAD {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&buffer[..more]);
    }
}
