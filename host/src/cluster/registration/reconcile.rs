//! One step from the present state of the cluster to the wanted one.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Error;
use kube::api::{Api, ListParams, PostParams};

use super::registrar::{RETRY, Registrar};
use super::webhooks::{Argo, Target, webhooks};
use super::{Authority, Trust, configuration};
use crate::cluster::certificates::{Certificate, CertificateRotation, RotationError};
use crate::cluster::managed_secret::SecretError;
use crate::cluster::path_secret::{self, PathRotation};
use crate::cluster::{Installation, Switch};
use crate::server::PathSecret;

/// How often the state is compared without a known change.
const RESYNC: Duration = Duration::from_secs(300);

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RegisterError {
    #[error(transparent)]
    Certificates(#[from] RotationError),
    #[error(transparent)]
    Path(#[from] SecretError),
    #[error("the API server refuses to {verb}, or does not answer: {error}")]
    Api { verb: &'static str, error: Error },
    /// It belongs to an installation in another namespace. The two would overwrite each other for ever.
    #[error(
        "the registration {name} is that of the installation in namespace {namespace}: a cluster takes one; uninstall that one, or, where nothing runs there any more, delete the ValidatingWebhookConfiguration {name}"
    )]
    Taken { name: String, namespace: String },
    #[error("{file}: {message}")]
    Bundle { file: String, message: String },
}

impl RegisterError {
    /// Returns whether another replica wrote at the same time.
    pub(super) fn is_conflict(&self) -> bool {
        let (Self::Api { error, .. }
        | Self::Path(SecretError { error, .. })
        | Self::Certificates(RotationError::Secret(SecretError { error, .. }))) = self
        else {
            return false;
        };
        matches!(error, Error::Api(status) if status.is_conflict() || status.is_already_exists())
    }
}

impl Registrar {
    /// Takes the step that is due, and returns how long to wait for the next.
    pub(super) async fn step(&self, argo: Argo) -> Result<Duration, RegisterError> {
        let existing = self.api().get_opt(&self.installation.name).await;
        let existing = existing.map_err(failed("read the registration"))?;
        self.check_owner(existing.as_ref())?;
        let path = self.renew_path(existing.as_ref()).await?;
        if existing.as_ref().is_some_and(path_secret::has_plain_path) {
            let wait = until(path.accepted_everywhere(&self.renewal));
            if !wait.is_zero() {
                return Ok(wait);
            }
        }
        let wait = self.register_with_authority(existing, &path, argo).await?;
        Ok(wait.min(path.due().map_or(wait, until)))
    }

    /// Takes the due step of renewing the secret path.
    async fn renew_path(
        &self,
        existing: Option<&ValidatingWebhookConfiguration>,
    ) -> Result<path_secret::RotationState, SecretError> {
        let (client, installation) = (self.clients.requests.clone(), self.installation.clone());
        let rotation = PathRotation::new(client, installation, &self.renewal);
        rotation.advance(&configuration::paths(existing)).await
    }

    /// Takes the due step of rotating the certificates, if they are rollgate's own, and keeps the
    /// registration.
    async fn register_with_authority(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        path: &path_secret::RotationState,
        argo: Argo,
    ) -> Result<Duration, RegisterError> {
        match &self.authority {
            Authority::Own(times) => {
                let (client, installation) =
                    (self.clients.requests.clone(), self.installation.clone());
                let rotation = CertificateRotation::new(client, installation, *times);
                let trusted = configuration::trusted(existing.as_ref());
                let mut state = rotation.advance(trusted).await?;
                let bundle = state.bundle();
                let wait = self
                    .register(existing, Trust::Bundle(&bundle), path, argo)
                    .await?;
                if state.waits_for_registration() {
                    state = rotation.start_propagation(state).await?;
                }
                Ok(wait.min(state.due().map_or(wait, until)))
            }
            Authority::File(file) => {
                let bundle = read_bundle(file.clone()).await?;
                self.register(existing, Trust::Bundle(&bundle), path, argo)
                    .await
            }
            Authority::Injected(_) => self.register(existing, Trust::AsInjected, path, argo).await,
        }
    }

    fn check_owner(
        &self,
        existing: Option<&ValidatingWebhookConfiguration>,
    ) -> Result<(), RegisterError> {
        let Installation { name, namespace } = &self.installation;
        match existing.and_then(configuration::owner_namespace) {
            Some(holder) if holder != namespace => Err(RegisterError::Taken {
                name: name.clone(),
                namespace: holder.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Writes the CAs into the registration, and its webhooks if this replica is ready. Returns how long to
    /// wait for the next step.
    async fn register(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        trust: Trust<'_>,
        path: &path_secret::RotationState,
        argo: Argo,
    ) -> Result<Duration, RegisterError> {
        let bundle = configuration::bundle(trust, existing.as_ref());
        let present = existing
            .as_ref()
            .and_then(|existing| existing.webhooks.as_ref());
        let switch = Switch::read(&self.clients.requests, &self.installation).await;
        let switch = switch.map_err(failed("read the Deployment, which has the off switch"))?;
        let ready = self.server.ready().is_ok();
        let wanted = match switch {
            Switch::Off => Vec::new(),
            Switch::On if ready => self.wanted(bundle.as_ref(), path, argo),
            Switch::On => configuration::with_bundle(present, bundle.as_ref()),
        };
        let first = present.is_none_or(Vec::is_empty) && !wanted.is_empty();
        if first && !self.has_endpoints().await? {
            return Ok(RETRY);
        }
        // Nothing is created while rollgate is switched off.
        if existing.is_some() || ready && switch == Switch::On {
            self.write(existing, wanted).await?;
        }
        Ok(if ready { RESYNC } else { RETRY })
    }

    /// Returns the webhooks for the active policies.
    fn wanted(
        &self,
        bundle: Option<&ByteString>,
        path: &path_secret::RotationState,
        argo: Argo,
    ) -> Vec<ValidatingWebhook> {
        let active = self.policies.borrow();
        let policies = active.policies.policies().iter();
        let matches: Vec<_> = policies.map(|policy| &policy.matches).collect();
        let target = Target {
            bundle,
            path: path.current(),
        };
        webhooks(&matches, argo, &self.installation, &self.settings, target)
    }

    async fn write(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        webhooks: Vec<ValidatingWebhook>,
    ) -> Result<(), RegisterError> {
        let owner = self
            .installation
            .cluster_role_owner(&self.clients.requests)
            .await;
        let owner = owner.map_err(failed("read the ClusterRole, which owns the registration"))?;
        let before = existing
            .clone()
            .unwrap_or_else(|| configuration::empty(&self.installation));
        let wanted = configuration::with_webhooks(
            before,
            webhooks,
            owner,
            &self.installation,
            &self.authority,
        );
        if existing.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let (api, parameters) = (self.api(), PostParams::default());
        let written = match existing {
            Some(_) => {
                api.replace(&self.installation.name, &parameters, &wanted)
                    .await
            }
            None => api.create(&parameters, &wanted).await,
        };
        let written = written.map_err(|error| RegisterError::Api {
            verb: "write the registration",
            error: redact(error, &configuration::paths(Some(&wanted))),
        })?;
        let webhooks: Vec<_> = names(&written).collect();
        tracing::info!(?webhooks, "the registration is written");
        Ok(())
    }

    /// Returns whether the Service has a ready endpoint. A Service without any endpoints counts, because one
    /// with an external name has none.
    async fn has_endpoints(&self) -> Result<bool, RegisterError> {
        let slices: Api<EndpointSlice> =
            Api::namespaced(self.clients.requests.clone(), &self.installation.namespace);
        let ours = format!("kubernetes.io/service-name={}", self.installation.name);
        let slices = slices.list(&ListParams::default().labels(&ours)).await;
        let slices = slices.map_err(failed("list the endpoints of the Service"))?;
        let mut endpoints = slices
            .iter()
            .flat_map(|slice| slice.endpoints.iter().flatten());
        let is_ready = |conditions: Option<bool>| conditions != Some(false);
        Ok(slices.items.is_empty()
            || endpoints
                .any(|endpoint| is_ready(endpoint.conditions.as_ref().and_then(|all| all.ready))))
    }

    fn api(&self) -> Api<ValidatingWebhookConfiguration> {
        Api::all(self.clients.requests.clone())
    }
}

fn failed(verb: &'static str) -> impl Fn(Error) -> RegisterError {
    move |error| RegisterError::Api { verb, error }
}

/// Removes secrets from an error, because the API server repeats what it refuses.
fn redact(error: Error, secrets: &[PathSecret]) -> Error {
    let Error::Api(mut status) = error else {
        return error;
    };
    for secret in secrets {
        status.message = status.message.replace(secret.expose(), "(hidden)");
    }
    status.details = None;
    Error::Api(status)
}

/// Reads the file on another thread, because a file system may hang.
async fn read_bundle(file: PathBuf) -> Result<String, RegisterError> {
    let name = file.display().to_string();
    let wrong = |message: String| RegisterError::Bundle {
        file: name.clone(),
        message,
    };
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string(file))
        .await
        .expect("reading a file does not panic")
        .map_err(|error| wrong(format!("the CA bundle cannot be read: {error}")))?;
    if Certificate::parse_all(&text).is_empty() {
        let expected = "no certificate is in it: a block `-----BEGIN CERTIFICATE-----` is expected";
        return Err(wrong(expected.to_owned()));
    }
    Ok(text)
}

fn names(configuration: &ValidatingWebhookConfiguration) -> impl Iterator<Item = &str> {
    let webhooks = configuration.webhooks.iter().flatten();
    webhooks.map(|webhook| webhook.name.as_str())
}

fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn error_that_repeats_the_secret_path_is_redacted() {
        let secret = PathSecret::generate();
        let message = format!("service.path: Invalid value: \"{}\": no", secret.path());
        let refusal = Status::failure(&message, "Invalid").boxed();
        let told = redact(Error::Api(refusal), std::slice::from_ref(&secret)).to_string();
        assert!(!told.contains(secret.expose()), "{told}");
        assert!(
            told.contains("Invalid value: \"/admit/(hidden)\": no"),
            "{told}"
        );
    }
}
