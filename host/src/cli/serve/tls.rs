//! `serve`: the certificate that it serves with, and how it recognises the API server.

use std::io::Write as _;
use std::path::PathBuf;

use crate::server::tls::{self, Tls};
use crate::server::{Callers, PathFile, PathSecrets};
use crate::telemetry::Telemetry;
use crate::watch::{FileWatch, POLL_INTERVAL};

#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("certificate").required(true).multiple(true).args(["tls_cert", "self_signed", "register"])))]
pub(super) struct TlsArgs {
    /// The serving certificate in PEM, followed by its chain; reloaded when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Clients must show a certificate signed by one of these (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "self_signed")]
    pub(super) client_ca: Option<PathBuf>,
    /// For trying out: serve with a fresh certificate for these names, and print its CA
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "localhost,127.0.0.1,::1",
        conflicts_with_all = ["tls_cert", "tls_key", "register"]
    )]
    self_signed: Option<Vec<String>>,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct CallerArgs {
    /// Answer only at /admit/SECRET, for each secret in this file, one a line; reloaded when it changes.
    /// With --register, rollgate makes a secret of its own
    #[arg(long, value_name = "FILE", conflicts_with = "register")]
    path_secret: Option<PathBuf>,
}

impl TlsArgs {
    /// Loads the certificate, and reloads it when its files change. With --register and no
    /// certificate, the result stays empty until the cluster has one.
    ///
    /// # Errors
    /// If the files cannot be used.
    pub(super) fn load(&self, telemetry: &Telemetry) -> anyhow::Result<Tls> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return match &self.self_signed {
                Some(names) => self_signed(names, telemetry),
                None => Ok(Tls::default()),
            };
        };
        let files = tls::Files {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: self.client_ca.clone(),
        };
        let watch = FileWatch::new(files.paths(), POLL_INTERVAL);
        let tls = Tls::load(&files)?;
        tokio::spawn(tls::keep_fresh(
            tls.clone(),
            files,
            watch,
            telemetry.clone(),
        ));
        Ok(tls)
    }
}

fn self_signed(names: &[String], telemetry: &Telemetry) -> anyhow::Result<Tls> {
    let signed = tls::self_signed(names.to_owned())?;
    if let Some(not_after) = signed.tls.not_after() {
        telemetry.certificate_expiry(not_after);
    }
    tracing::warn!(
        ?names,
        "serving with a self-signed certificate, for trying out only; its CA is on stdout"
    );
    std::io::stdout().lock().write_all(signed.ca.as_bytes())?;
    Ok(signed.tls)
}

impl CallerArgs {
    /// Returns how to recognise the API server: by `registered` secrets, by those in a file, which
    /// is watched from now on, or by its client certificate.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub(super) fn load(
        &self,
        registered: Option<PathSecrets>,
        tls: &TlsArgs,
    ) -> anyhow::Result<Callers> {
        if let Some(secrets) = registered {
            return Ok(Callers::ByPath(secrets));
        }
        if let Some(path) = &self.path_secret {
            let secrets = PathSecrets::default();
            let watch = FileWatch::new(vec![path.clone()], POLL_INTERVAL);
            let file = PathFile(path.clone());
            secrets.replace(file.read()?);
            tokio::spawn(file.follow(secrets.clone(), watch));
            return Ok(Callers::ByPath(secrets));
        }
        if tls.client_ca.is_none() {
            tracing::warn!(
                "every client that reaches the port gets an answer and could send invented reviews, so \
                 rollgate writes nothing because of a review: no override applies, and there are no \
                 Events about rollouts; set --client-ca (the API server shows a certificate) or \
                 --path-secret (it calls a secret path), or let --register keep a secret path"
            );
        }
        Ok(Callers::ByCertificate)
    }
}
