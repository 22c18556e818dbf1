//! Serving with the certificate in the Secret.

use std::convert::Infallible;
use std::path::PathBuf;

use futures_util::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;

use super::stored::Stored;
use crate::cluster::{Installation, objects};
use crate::server::tls::{self, Identity, Tls};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};
use crate::watch::{FileWatch, POLL_INTERVAL};

/// Serves with the certificate in the Secret; for every replica.
pub(in crate::cluster) struct CertificateFollower {
    /// For watches.
    pub(in crate::cluster) client: Client,
    pub(in crate::cluster) installation: Installation,
    /// If set, clients must show a certificate that one of these CAs signed.
    pub(in crate::cluster) client_ca: Option<PathBuf>,
    pub(in crate::cluster) tls: Tls,
    pub(in crate::cluster) telemetry: Telemetry,
}

impl CertificateFollower {
    /// Watches the Secret and the client CA, and never returns. An invalid certificate changes nothing.
    pub(in crate::cluster) async fn run(self) -> Infallible {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        let secrets = objects::watch(api, self.installation.certificates());
        pin_mut!(secrets);
        let mut client_ca = FileWatch::new(self.client_ca.iter().cloned().collect(), POLL_INTERVAL);
        let mut latest = None;
        let mut served = None;
        loop {
            let cause = tokio::select! {
                Some(secret) = secrets.next() => {
                    latest = secret;
                    Cause::Secret
                }
                () = client_ca.changed() => Cause::ClientCa,
            };
            if let Some(secret) = &latest {
                self.serve_with(secret, cause, &mut served);
            }
        }
    }

    /// `served` is the certificate that was last taken from the Secret.
    fn serve_with(&self, secret: &Secret, cause: Cause, served: &mut Option<String>) {
        let now = Timestamp::now();
        let (stored, _) = Stored::read(secret, &self.installation.service_host(), now);
        let Some(pair) = stored.to_serve(self.tls.not_after(), now) else {
            return tracing::warn!("the Secret has no valid certificate; the present one stays");
        };
        if cause == Cause::Secret && served.as_ref() == Some(&pair.chain) {
            return;
        }
        let identity = Identity::from_pem(&pair.chain, &pair.key, self.client_ca.as_deref());
        let outcome = match identity {
            Ok(identity) => {
                tls::serve_with(&self.tls, identity, &self.telemetry);
                *served = Some(pair.chain.clone());
                ReloadOutcome::Ok
            }
            Err(error) => {
                tracing::error!(%error, "the certificate in the Secret cannot be used; the present one stays");
                ReloadOutcome::Failed
            }
        };
        self.telemetry.reload(ReloadSubject::Certificate, outcome);
    }
}

/// What has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Secret,
    ClientCa,
}
