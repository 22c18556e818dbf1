//! The files of a server: a certificate mounted as a Secret, and a folder of policies.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificate::{Authority, mount};
use crate::evaluation::UPDATE_16K;
use crate::load::{Load, Plan, Protocol};
use crate::server::{Serve, binary};

/// A server's files; gone when dropped.
#[derive(Debug)]
pub struct Files {
    folder: TempDir,
    /// Who signed the certificate.
    pub authority: Authority,
}

impl Files {
    /// A certificate for `localhost`, and no policies.
    ///
    /// # Panics
    /// Where no files can be made, as everywhere here.
    #[must_use]
    pub fn new() -> Self {
        Self::named("localhost")
    }

    /// As [`Files::new`], with a certificate for another name.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let authority = Authority::new();
        for name in ["tls", "policies"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        mount(
            &folder.path().join("tls"),
            "..v0",
            &authority.server(&[name]),
        );
        Self { folder, authority }
    }

    /// Where the certificate is mounted.
    #[must_use]
    pub fn tls(&self) -> PathBuf {
        self.folder.path().join("tls")
    }

    /// Where the policies are.
    #[must_use]
    pub fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    /// Writes the file `probes.yaml` of the policies.
    ///
    /// # Panics
    /// Where it cannot.
    pub fn policy(&self, text: &str) {
        self.put("probes.yaml", text.as_bytes());
    }

    /// Writes a file of the policies, in one step, as careful tools do.
    ///
    /// # Panics
    /// Where it cannot.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let staged = self.folder.path().join("staged");
        fs::write(&staged, bytes).expect("written");
        fs::rename(staged, self.policies().join(name)).expect("renamed");
    }

    /// Writes a file beside those of the server, and gives its path.
    ///
    /// # Panics
    /// Where it cannot.
    #[must_use]
    pub fn beside(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.into_os_string()
            .into_string()
            .expect("a temporary folder is text")
    }

    /// Starts a server with these files, the tests' cache, and some more arguments.
    #[must_use]
    pub fn serve(&self, more: &[&str]) -> Serve {
        let profile = binary();
        let cache = profile.with_file_name("serve-cache");
        Serve::start(self.arguments(&cache, more))
    }

    /// Starts a server with this certificate that has its policies from a cluster, installed in a
    /// namespace of it.
    #[must_use]
    pub fn serve_cluster(&self, kubeconfig: &Path, namespace: &str, more: &[&str]) -> Serve {
        let cache = binary().with_file_name("serve-cache");
        let member = [
            "--cluster".into(),
            "--kubeconfig".into(),
            kubeconfig.into(),
            "--namespace".into(),
            namespace.into(),
        ];
        let arguments = self.serving(&cache).into_iter().chain(member);
        Serve::start(arguments.chain(more.iter().map(Into::into)))
    }

    /// The arguments of a server with these files and this cache folder.
    #[must_use]
    pub fn arguments(&self, cache: &Path, more: &[&str]) -> Vec<OsString> {
        let policies = ["--policies".into(), self.policies().into_os_string()];
        let arguments = self.serving(cache).into_iter().chain(policies);
        arguments.chain(more.iter().map(Into::into)).collect()
    }

    fn serving(&self, cache: &Path) -> Vec<OsString> {
        let tls = |name: &str| self.tls().join(name).into_os_string();
        let arguments = [
            ("--tls-cert", tls("tls.crt")),
            ("--tls-key", tls("tls.key")),
            ("--cache", cache.into()),
            ("--slots", "16".into()),
        ];
        let arguments = arguments.into_iter();
        arguments
            .flat_map(|(name, value)| [name.into(), value])
            .collect()
    }

    /// A client that trusts the certificate.
    ///
    /// # Panics
    /// Never: the certificate is sound.
    #[must_use]
    pub fn client(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.authority.pem.as_bytes()).expect("PEM");
        reqwest::Client::builder()
            .tls_certs_only([ca])
            .build()
            .expect("a client")
    }

    /// What a client does that sends this review again and again.
    #[must_use]
    pub fn plan(&self, address: SocketAddr, review: String) -> Plan {
        Plan {
            address,
            ca: self.authority.pem.clone(),
            protocol: Protocol::Http1,
            review: review.into(),
            pause: Duration::from_millis(5),
            reconnect_after: None,
        }
    }

    /// Four clients as the API server is one, and two that speak HTTP/2.
    #[must_use]
    pub fn load(&self, address: SocketAddr) -> Load {
        let plan = |protocol, reconnect_after| Plan {
            protocol,
            reconnect_after,
            ..self.plan(address, UPDATE_16K.to_owned())
        };
        Load::start([
            plan(Protocol::Http1, None),
            plan(Protocol::Http1, None),
            plan(Protocol::Http1, Some(7)),
            plan(Protocol::Http1, Some(1)),
            plan(Protocol::Http2, None),
            plan(Protocol::Http2, Some(7)),
        ])
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

/// Sends a review, and gives the answer.
///
/// # Panics
/// Where there is none, or not with HTTP 200.
pub async fn ask(client: &reqwest::Client, server: &Serve, review: &Value) -> Value {
    let url = format!(
        "https://localhost:{}/admit?timeout=10s",
        server.webhook.port()
    );
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(review.to_string());
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    serde_json::from_str(&response.text().await.expect("a text")).expect("JSON")
}
