//! One look at what stands in the cluster, and one step towards what should.

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

use super::registrar::{Registrar, SOON};
use super::webhooks::{Argo, Target, webhooks};
use super::{Authority, Trust, configuration};
use crate::cluster::certificates::{Certificate, KeepError, Keeper};
use crate::cluster::kept_secret::SecretError;
use crate::cluster::path_secret;
use crate::cluster::{Installation, Switch, ownership};
use crate::server::PathSecret;

/// Between two looks where nothing is known to change.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// Why the registration is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum RegisterError {
    /// The certificates are not.
    #[error(transparent)]
    Certificates(#[from] KeepError),
    /// The secret path is not.
    #[error(transparent)]
    Path(#[from] SecretError),
    /// The API server does not do it.
    #[error("the API server refuses to {verb}, or does not answer: {error}")]
    Api { verb: &'static str, error: Error },
    /// It is that of an installation in another namespace. Writing it would be undone from there,
    /// and again from here, without end.
    #[error(
        "the registration {name} is that of the installation in namespace {namespace}: a cluster takes one; uninstall that one, or, where nothing runs there any more, delete the ValidatingWebhookConfiguration {name}"
    )]
    Taken { name: String, namespace: String },
    /// The file with the CA bundle has none.
    #[error("{file}: {message}")]
    Bundle { file: String, message: String },
}

impl RegisterError {
    /// Whether another wrote at the same time, so that what was read is old.
    pub(super) fn is_a_race(&self) -> bool {
        let (Self::Api { error, .. }
        | Self::Path(SecretError { error, .. })
        | Self::Certificates(KeepError::Secret(SecretError { error, .. }))) = self
        else {
            return false;
        };
        matches!(error, Error::Api(status) if status.is_conflict() || status.is_already_exists())
    }
}

impl Registrar {
    /// Takes the next step, and says when to look again.
    pub(super) async fn step(&self, argo: Argo) -> Result<Duration, RegisterError> {
        let existing = self.api().get_opt(&self.installation.name).await;
        let existing = existing.map_err(failed("read the registration"))?;
        self.may_write(existing.as_ref())?;
        let path = self.path(existing.as_ref()).await?;
        let wait = self.trusted(existing, &path, argo).await?;
        Ok(wait.min(path.due().map_or(wait, until)))
    }

    /// Keeps the secret path.
    async fn path(
        &self,
        existing: Option<&ValidatingWebhookConfiguration>,
    ) -> Result<path_secret::Kept, SecretError> {
        let (client, installation) = (self.brief.clone(), self.installation.clone());
        let keeper = path_secret::Keeper::new(client, installation, &self.renewal);
        keeper.advance(&configuration::paths(existing)).await
    }

    /// Keeps the certificates, where they are our own, and the registration.
    async fn trusted(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        path: &path_secret::Kept,
        argo: Argo,
    ) -> Result<Duration, RegisterError> {
        match &self.authority {
            Authority::Own(times) => {
                let keeper = Keeper::new(self.brief.clone(), self.installation.clone(), *times);
                let trusted = configuration::trusted(existing.as_ref());
                let mut kept = keeper.advance(trusted).await?;
                let bundle = kept.bundle();
                let wait = self
                    .register(existing, Trust::Bundle(&bundle), path, argo)
                    .await?;
                if kept.waits_for_registration() {
                    kept = keeper.spread(kept).await?;
                }
                Ok(wait.min(kept.due().map_or(wait, until)))
            }
            Authority::File(file) => {
                let bundle = read_bundle(file.clone()).await?;
                self.register(existing, Trust::Bundle(&bundle), path, argo)
                    .await
            }
            Authority::Injected(_) => self.register(existing, Trust::AsInjected, path, argo).await,
        }
    }

    fn may_write(
        &self,
        existing: Option<&ValidatingWebhookConfiguration>,
    ) -> Result<(), RegisterError> {
        let Installation { name, namespace } = &self.installation;
        match existing.and_then(configuration::holder) {
            Some(holder) if holder != namespace => Err(RegisterError::Taken {
                name: name.clone(),
                namespace: holder.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Sees to it that whatever is registered trusts as it should, and asks for what it should where
    /// this replica is ready. Says when to look again.
    async fn register(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        trust: Trust<'_>,
        path: &path_secret::Kept,
        argo: Argo,
    ) -> Result<Duration, RegisterError> {
        let bundle = configuration::bundle(trust, existing.as_ref());
        let present = existing
            .as_ref()
            .and_then(|existing| existing.webhooks.as_ref());
        let switch = Switch::read(&self.brief, &self.installation).await;
        let switch = switch.map_err(failed("read the Deployment, which has the off switch"))?;
        let ready = self.server.ready().is_ok();
        let wanted = match switch {
            Switch::Off => Vec::new(),
            Switch::On if ready => self.wanted(bundle.as_ref(), path, argo),
            Switch::On => configuration::with_bundle(present, bundle.as_ref()),
        };
        let first = present.is_none_or(Vec::is_empty) && !wanted.is_empty();
        if first && !self.has_endpoints().await? {
            return Ok(SOON);
        }
        // Whoever has switched off may have deleted it.
        if existing.is_some() || ready && switch == Switch::On {
            self.write(existing, wanted).await?;
        }
        Ok(if ready { LOOK_AGAIN } else { SOON })
    }

    /// What the policies in force ask for.
    fn wanted(
        &self,
        bundle: Option<&ByteString>,
        path: &path_secret::Kept,
        argo: Argo,
    ) -> Vec<ValidatingWebhook> {
        let standing = self.policies.borrow();
        let policies = standing.set.policies().iter();
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
        let owner = ownership::cluster_role(&self.brief, &self.installation).await;
        let owner = owner.map_err(failed("read the ClusterRole, which owns the registration"))?;
        let before = existing
            .clone()
            .unwrap_or_else(|| configuration::blank(&self.installation));
        let wanted =
            configuration::as_wanted(before, webhooks, owner, &self.installation, &self.authority);
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
            error: hide(error, &configuration::paths(Some(&wanted))),
        })?;
        let webhooks: Vec<_> = names(&written).collect();
        tracing::info!(?webhooks, "the registration is written");
        Ok(())
    }

    /// Whether the Service leads to a replica that is ready, as far as it has endpoints: one by an
    /// external name has none.
    async fn has_endpoints(&self) -> Result<bool, RegisterError> {
        let slices: Api<EndpointSlice> =
            Api::namespaced(self.brief.clone(), &self.installation.namespace);
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
        Api::all(self.brief.clone())
    }
}

fn failed(verb: &'static str) -> impl Fn(Error) -> RegisterError {
    move |error| RegisterError::Api { verb, error }
}

/// The API server repeats what it refuses, and the log is no place for a secret.
fn hide(error: Error, secrets: &[PathSecret]) -> Error {
    let Error::Api(mut status) = error else {
        return error;
    };
    for secret in secrets {
        status.message = status.message.replace(secret.expose(), "(hidden)");
    }
    status.details = None;
    Error::Api(status)
}

/// Apart, since a file system may hang.
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
    if Certificate::all(&text).is_empty() {
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
    fn refusal_that_repeats_the_secret_path_is_told_without_it() {
        let secret = PathSecret::generate();
        let message = format!("service.path: Invalid value: \"{}\": no", secret.path());
        let refusal = Status::failure(&message, "Invalid").boxed();
        let told = hide(Error::Api(refusal), std::slice::from_ref(&secret)).to_string();
        assert!(!told.contains(secret.expose()), "{told}");
        assert!(
            told.contains("Invalid value: \"/admit/(hidden)\": no"),
            "{told}"
        );
    }
}
