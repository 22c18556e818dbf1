//! Runs [`Registrar::step`] while this replica holds the Lease, whenever something changes.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PartialObjectMeta};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::webhooks::Argo;
use super::{Authority, WebhookSettings};
use crate::cluster::lease::Leadership;
use crate::cluster::{Clients, Installation, PathRenewal, Switch, objects};
use crate::reload::ActiveSet;
use crate::server::Context;
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};
use crate::watch::{FileWatch, POLL_INTERVAL};

/// How soon to try again if no replica is ready or the API server does not answer.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How long to wait until it is known whether the cluster has Argo Rollouts. After that they are
/// registered, which does no harm if there are none.
const ARGO_TIMEOUT: Duration = Duration::from_secs(5);

const ROLLOUTS: &str = "rollouts.argoproj.io";

/// Keeps the registration, the secret path in it, and with [`Authority::Own`] the certificates.
pub(in crate::cluster) struct Registrar {
    pub(in crate::cluster) clients: Clients,
    pub(in crate::cluster) installation: Installation,
    pub(in crate::cluster) settings: WebhookSettings,
    pub(in crate::cluster) authority: Authority,
    pub(in crate::cluster) renewal: PathRenewal,
    pub(in crate::cluster) policies: watch::Receiver<ActiveSet>,
    /// Tells whether this replica is ready.
    pub(in crate::cluster) server: Context,
}

impl Registrar {
    /// Keeps the registration while this replica holds the Lease; never returns.
    pub(in crate::cluster) async fn run(mut self, mut leadership: Leadership) -> Infallible {
        loop {
            leadership.held().await;
            let mut health = Health::new(self.server.telemetry.clone());
            tokio::select! {
                () = leadership.lost() => {}
                () = self.reconcile(&mut health) => {}
            }
            // From here on, another replica reports problems.
            health.set(ReloadOutcome::Ok);
        }
    }

    async fn reconcile(&mut self, health: &mut Health) {
        let mut crds = self.rollouts();
        let mut argo = match timeout(ARGO_TIMEOUT, crds.next()).await {
            Ok(Some(argo)) => argo,
            _ => Argo::Installed,
        };
        let mut changes = self.changes();
        let mut bundle = FileWatch::new(self.bundle_file(), POLL_INTERVAL);
        loop {
            let wait = self.try_step(argo, health).await;
            tokio::select! {
                () = sleep(wait) => {}
                Some(()) = changes.next() => {}
                Some(now) = crds.next() => argo = now,
                Ok(()) = self.policies.changed() => {}
                () = bundle.changed() => {}
            }
        }
    }

    /// Takes the step that is due, and returns how long to wait for the next.
    async fn try_step(&mut self, argo: Argo, health: &mut Health) -> Duration {
        self.policies.mark_unchanged();
        match self.step(argo).await {
            Ok(wait) => {
                health.set(ReloadOutcome::Ok);
                wait
            }
            Err(error) if error.is_conflict() => {
                tracing::debug!(%error, "another replica was faster");
                RETRY
            }
            Err(error) => {
                let wait = health.set(ReloadOutcome::Failed);
                tracing::error!(%error, again_in = ?wait, "the registration cannot be kept; trying again");
                wait
            }
        }
    }

    /// Returns an item whenever an object that is kept here changes.
    fn changes(&self) -> BoxStream<'static, ()> {
        let secret = |name| {
            let secrets: Api<Secret> =
                Api::namespaced(self.clients.watches.clone(), &self.installation.namespace);
            objects::watch(secrets, name).map(drop).boxed()
        };
        let configurations: Api<ValidatingWebhookConfiguration> =
            Api::all(self.clients.watches.clone());
        let configuration = objects::watch(configurations, self.installation.name.clone());
        let path = secret(self.installation.webhook_path());
        let switch = Switch::changes(&self.clients.watches, &self.installation);
        let mut changes = vec![configuration.map(drop).boxed(), path, switch.boxed()];
        if matches!(self.authority, Authority::Own(_)) {
            changes.push(secret(self.installation.certificates()));
        }
        select_all(changes).boxed()
    }

    /// Returns whether the cluster has Argo Rollouts, whenever that changes.
    fn rollouts(&self) -> BoxStream<'static, Argo> {
        let crds: Api<PartialObjectMeta<CustomResourceDefinition>> =
            Api::all(self.clients.watches.clone());
        let crd = objects::watch(crds, ROLLOUTS.to_owned());
        let argo = |crd: Option<_>| crd.map_or(Argo::Missing, |_| Argo::Installed);
        crd.map(argo).boxed()
    }

    fn bundle_file(&self) -> Vec<PathBuf> {
        match &self.authority {
            Authority::File(path) => vec![path.clone()],
            _ => Vec::new(),
        }
    }
}

/// Whether the registration can be kept, for the metrics.
struct Health {
    telemetry: Telemetry,
    last: Option<ReloadOutcome>,
    failures: u32,
}

impl Health {
    const fn new(telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            last: None,
            failures: 0,
        }
    }

    /// Reports a change, and returns how long to wait after a failure: longer after each.
    fn set(&mut self, outcome: ReloadOutcome) -> Duration {
        if self.last.replace(outcome) != Some(outcome) {
            self.telemetry.reload(ReloadSubject::Registration, outcome);
            self.failures = 0;
        }
        let wait = RETRY * 2_u32.pow(self.failures.min(5));
        self.failures += 1;
        wait
    }
}
