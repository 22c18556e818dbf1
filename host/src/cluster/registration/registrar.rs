//! The holder of the Lease at work: looks at what stands in the cluster, takes the next step, and
//! looks again whenever something changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PartialObjectMeta, PostParams};
use kube::{Client, Error};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::webhooks::{Argo, webhooks};
use super::{Authority, Settings, Trust, configuration};
use crate::cluster::certificates::{Certificate, KeepError, Keeper};
use crate::cluster::{Installation, Leadership, ownership, watching};
use crate::server::Context;
use crate::server::live::{LOOK_EVERY, Standing};
use crate::server::watch::Watch;
use crate::telemetry::{ReloadOutcome, Reloaded};

/// Between two looks where nothing is known to change.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// Until something that is missing may be there: a ready replica, or an API server that answers.
const SOON: Duration = Duration::from_secs(1);

/// How long it may take to learn whether the cluster has Argo's Rollouts. After that they are asked
/// for, which does no harm where there are none.
const PATIENCE: Duration = Duration::from_secs(5);

const ROLLOUTS: &str = "rollouts.argoproj.io";

/// Keeps the registration, and with an authority of our own the certificates.
pub struct Registrar {
    /// For requests; it fails within seconds where the API server does not answer.
    pub brief: Client,
    /// For watches.
    pub watching: Client,
    /// Who is registered.
    pub installation: Installation,
    /// How.
    pub settings: Settings,
    /// By whom it is known.
    pub authority: Authority,
    /// The policies in force.
    pub policies: watch::Receiver<Standing>,
    /// Tells whether this replica answers.
    pub server: Context,
}

/// Why the registration is not as it should be.
#[derive(Debug, thiserror::Error)]
enum RegisterError {
    /// The certificates are not.
    #[error(transparent)]
    Certificates(#[from] KeepError),
    /// The API server does not do it.
    #[error("the API server refuses to {verb}, or does not answer: {error}")]
    Api { verb: &'static str, error: Error },
    /// The file with the CA bundle has none.
    #[error("{file}: {message}")]
    Bundle { file: String, message: String },
}

impl RegisterError {
    /// Whether another wrote at the same time, so that what was read is old.
    fn is_a_race(&self) -> bool {
        let (Self::Api { error, .. } | Self::Certificates(KeepError::Secret { error, .. })) = self
        else {
            return false;
        };
        matches!(error, Error::Api(status) if status.is_conflict() || status.is_already_exists())
    }
}

impl Registrar {
    /// Keeps it whenever this replica holds the Lease, for ever.
    pub async fn run(mut self, mut leadership: Leadership) {
        loop {
            leadership.held().await;
            tokio::select! {
                () = leadership.lost() => {}
                () = self.keep() => {}
            }
        }
    }

    async fn keep(&mut self) {
        let mut crds = self.rollouts();
        let mut argo = match timeout(PATIENCE, crds.next()).await {
            Ok(Some(argo)) => argo,
            _ => Argo::Installed,
        };
        let mut changes = self.changes();
        let mut bundle = Watch::new(self.bundle_file(), LOOK_EVERY);
        let mut before = None;
        loop {
            let (outcome, wait) = self.look(argo).await;
            if before.replace(outcome) != Some(outcome) {
                self.server
                    .telemetry
                    .reload(Reloaded::Registration, outcome);
            }
            tokio::select! {
                () = sleep(wait) => {}
                Some(()) = changes.next() => {}
                Some(now) = crds.next() => argo = now,
                Ok(()) = self.policies.changed() => {}
                () = bundle.changed() => {}
            }
        }
    }

    /// Puts things in order, and says when to look again.
    async fn look(&mut self, argo: Argo) -> (ReloadOutcome, Duration) {
        self.policies.mark_unchanged();
        match self.step(argo).await {
            Ok(wait) => (ReloadOutcome::Ok, wait),
            Err(error) if error.is_a_race() => {
                tracing::debug!(%error, "another replica was faster");
                (ReloadOutcome::Ok, SOON)
            }
            Err(error) => {
                tracing::error!(%error, "the registration cannot be kept; trying again");
                (ReloadOutcome::Failed, SOON)
            }
        }
    }

    async fn step(&self, argo: Argo) -> Result<Duration, RegisterError> {
        let existing = self.api().get_opt(&self.installation.name).await;
        let existing = existing.map_err(failed("read the registration"))?;
        match &self.authority {
            Authority::Own(times) => {
                let keeper = Keeper::new(self.brief.clone(), self.installation.clone(), *times);
                let trusted = configuration::trusted(existing.as_ref());
                let mut kept = keeper.advance(trusted).await?;
                let bundle = kept.bundle();
                let wait = self
                    .register(existing, Trust::Bundle(&bundle), argo)
                    .await?;
                if kept.waits_for_registration() {
                    kept = keeper.spread(kept).await?;
                }
                Ok(wait.min(kept.due().map_or(wait, until)))
            }
            Authority::File(path) => {
                let bundle = read_bundle(path)?;
                self.register(existing, Trust::Bundle(&bundle), argo).await
            }
            Authority::Injected(_) => self.register(existing, Trust::AsInjected, argo).await,
        }
    }

    /// Sees to it that whatever is registered trusts as it should, and asks for what it should where
    /// this replica is ready. Says when to look again.
    async fn register(
        &self,
        existing: Option<ValidatingWebhookConfiguration>,
        trust: Trust<'_>,
        argo: Argo,
    ) -> Result<Duration, RegisterError> {
        let bundle = configuration::bundle(trust, existing.as_ref());
        let present = existing
            .as_ref()
            .and_then(|existing| existing.webhooks.as_ref());
        let ready = self.server.ready().is_ok();
        let wanted = if ready {
            let standing = self.policies.borrow();
            let policies = standing.set.policies().iter();
            let matches: Vec<_> = policies.map(|policy| &policy.matches).collect();
            webhooks(
                &matches,
                argo,
                &self.installation,
                &self.settings,
                bundle.as_ref(),
            )
        } else {
            configuration::with_bundle(present, bundle.as_ref())
        };
        let first = present.is_none_or(Vec::is_empty) && !wanted.is_empty();
        if first && !self.has_endpoints().await? {
            return Ok(SOON);
        }
        if ready || existing.is_some() {
            self.write(existing, wanted).await?;
        }
        Ok(if ready { LOOK_AGAIN } else { SOON })
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
        let wanted = configuration::as_wanted(before, webhooks, owner, &self.authority);
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
        let written = written.map_err(failed("write the registration"))?;
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

    /// Something of what is kept here has changed.
    fn changes(&self) -> BoxStream<'static, ()> {
        let secrets: Api<Secret> =
            Api::namespaced(self.watching.clone(), &self.installation.namespace);
        let secret = watching::object(secrets, self.installation.certificates());
        let configurations: Api<ValidatingWebhookConfiguration> = Api::all(self.watching.clone());
        let configuration = watching::object(configurations, self.installation.name.clone());
        let mut changes = vec![configuration.map(drop).boxed()];
        if matches!(self.authority, Authority::Own(_)) {
            changes.push(secret.map(drop).boxed());
        }
        select_all(changes).boxed()
    }

    /// Whether the cluster has Argo's Rollouts, whenever that changes.
    fn rollouts(&self) -> BoxStream<'static, Argo> {
        let crds: Api<PartialObjectMeta<CustomResourceDefinition>> =
            Api::all(self.watching.clone());
        let crd = watching::object(crds, ROLLOUTS.to_owned());
        let argo = |crd: Option<_>| crd.map_or(Argo::Missing, |_| Argo::Installed);
        crd.map(argo).boxed()
    }

    fn bundle_file(&self) -> Vec<PathBuf> {
        match &self.authority {
            Authority::File(path) => vec![path.clone()],
            _ => Vec::new(),
        }
    }

    fn api(&self) -> Api<ValidatingWebhookConfiguration> {
        Api::all(self.brief.clone())
    }
}

fn failed(verb: &'static str) -> impl Fn(Error) -> RegisterError {
    move |error| RegisterError::Api { verb, error }
}

fn read_bundle(file: &Path) -> Result<String, RegisterError> {
    let wrong = |message: String| RegisterError::Bundle {
        file: file.display().to_string(),
        message,
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("the CA bundle cannot be read: {error}")))?;
    if Certificate::all(&text).is_empty() {
        return Err(wrong(
            "no certificate is in it: a block `-----BEGIN CERTIFICATE-----` is expected".to_owned(),
        ));
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
