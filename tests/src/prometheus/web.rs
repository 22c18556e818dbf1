//! TLS and users of a Prometheus server.

use std::path::Path;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::json;

/// How the server is reached.
pub struct Web {
    guarded: Option<Guard>,
}

struct Guard {
    certificate: String,
    key: String,
}

impl Web {
    /// The one user of a guarded server.
    pub const USER: &str = "rollgate";
    /// That user's password.
    pub const PASSWORD: &str = "hunter2";
    const PASSWORD_HASH: &str = "$2b$05$u08mO4mldLiPJftycZP62.Rug3jqupx0wy81DkbH0yl2C3Xu4W2QW";

    /// User and password as a browser sends them.
    const CREDENTIAL: &str = "Basic cm9sbGdhdGU6aHVudGVyMg==";

    /// By plain HTTP, by anybody.
    #[must_use]
    pub const fn plain() -> Self {
        Self { guarded: None }
    }

    /// By HTTPS with a certificate of its own for 127.0.0.1, by [`USER`](Self::USER) only.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn guarded() -> Result<Self> {
        Self::guarded_as(IsCa::NoCa)
    }

    /// As [`guarded`](Self::guarded), with a certificate as `openssl req -x509` makes it: one of an
    /// authority.
    ///
    /// # Errors
    /// As there.
    pub fn guarded_by_authority() -> Result<Self> {
        Self::guarded_as(IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn guarded_as(is_ca: IsCa) -> Result<Self> {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()])?;
        params.is_ca = is_ca;
        let key = KeyPair::generate()?;
        let guard = Guard {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        };
        Ok(Self {
            guarded: Some(guard),
        })
    }

    /// The server's certificate, in PEM format.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.guarded
            .as_ref()
            .map(|guard| guard.certificate.as_str())
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.guarded.is_some() {
            "https"
        } else {
            "http"
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let mut config = json!({});
        if let Some(guard) = &self.guarded {
            std::fs::write(folder.join("web.crt"), &guard.certificate)?;
            std::fs::write(folder.join("web.key"), &guard.key)?;
            config = json!({
                "tls_server_config": { "cert_file": "web.crt", "key_file": "web.key" },
                "basic_auth_users": { Self::USER: Self::PASSWORD_HASH },
            });
        }
        Ok(std::fs::write(folder.join("web.yml"), config.to_string())?)
    }

    /// A client that is let in.
    pub(super) fn client(&self) -> Result<reqwest::Client> {
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        if self.guarded.is_none() {
            return Ok(builder.build()?);
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(Self::CREDENTIAL));
        Ok(builder
            // It only waits for the server; whom to trust is what tests ask rollgate.
            .tls_danger_accept_invalid_certs(true)
            .default_headers(headers)
            .build()?)
    }
}
