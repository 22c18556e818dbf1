//! How a replica comes to serve with what stands in the Secret.

use std::path::PathBuf;

use futures_util::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;

use super::stored::Stored;
use crate::cluster::{Installation, watching};
use crate::server::live::LOOK_EVERY;
use crate::server::tls::{self, Identity, Tls};
use crate::server::watch::Watch;
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// Serves with what stands in the Secret; for every replica.
pub struct Follower {
    /// A client for watches.
    pub client: Client,
    /// Whose certificates they are.
    pub installation: Installation,
    /// Who signs the certificates of clients; where it is set, a client must show one.
    pub client_ca: Option<PathBuf>,
    /// What serves.
    pub tls: Tls,
    /// Told of each certificate.
    pub telemetry: Telemetry,
}

impl Follower {
    /// Follows the Secret and the client CA for ever. What cannot be used changes nothing.
    pub async fn run(self) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        let secrets = watching::object(api, self.installation.certificates());
        pin_mut!(secrets);
        let mut client_ca = Watch::new(self.client_ca.iter().cloned().collect(), LOOK_EVERY);
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

    /// `served` is the certificate that was taken from the Secret last.
    fn serve_with(&self, secret: &Secret, cause: Cause, served: &mut Option<String>) {
        let now = Timestamp::now();
        let (stored, _) = Stored::read(secret, &self.installation.service_host(), now);
        let Some(pair) = stored.to_serve(self.tls.not_after(), now) else {
            return tracing::warn!(
                "the Secret has no certificate to serve with; what is served with stays"
            );
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
                tracing::error!(%error, "the certificate cannot be used; what is served with stays");
                ReloadOutcome::Failed
            }
        };
        self.telemetry.reload(ReloadSubject::Certificate, outcome);
    }
}

/// Why to look again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Secret,
    ClientCa,
}
