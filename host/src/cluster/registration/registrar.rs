//! The holder of the Lease at work: looks at what stands in the cluster, takes the next step, and
//! looks again whenever something changes.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, PartialObjectMeta};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::webhooks::Argo;
use super::{Authority, Settings};
use crate::cluster::{Installation, Leadership, PathRenewal, Switch, watching};
use crate::server::Context;
use crate::server::live::{LOOK_EVERY, Standing};
use crate::server::watch::Watch;
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// Until something that is missing may be there: a ready replica, or an API server that answers.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// How long it may take to learn whether the cluster has Argo's Rollouts. After that they are asked
/// for, which does no harm where there are none.
const PATIENCE: Duration = Duration::from_secs(5);

const ROLLOUTS: &str = "rollouts.argoproj.io";

/// Keeps the registration, the secret path that it names, and with an authority of our own the
/// certificates.
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
    /// When the secret in the path is renewed at which it is called.
    pub renewal: PathRenewal,
    /// The policies in force.
    pub policies: watch::Receiver<Standing>,
    /// Tells whether this replica answers.
    pub server: Context,
}

impl Registrar {
    /// Keeps it whenever this replica holds the Lease, for ever.
    pub async fn run(mut self, mut leadership: Leadership) {
        loop {
            leadership.held().await;
            let mut health = Health::new(self.server.telemetry.clone());
            tokio::select! {
                () = leadership.lost() => {}
                () = self.keep(&mut health) => {}
            }
            // From here on it is for another to tell.
            health.is(ReloadOutcome::Ok);
        }
    }

    async fn keep(&mut self, health: &mut Health) {
        let mut crds = self.rollouts();
        let mut argo = match timeout(PATIENCE, crds.next()).await {
            Ok(Some(argo)) => argo,
            _ => Argo::Installed,
        };
        let mut changes = self.changes();
        let mut bundle = Watch::new(self.bundle_file(), LOOK_EVERY);
        loop {
            let wait = self.look(argo, health).await;
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
    async fn look(&mut self, argo: Argo, health: &mut Health) -> Duration {
        self.policies.mark_unchanged();
        match self.step(argo).await {
            Ok(wait) => {
                health.is(ReloadOutcome::Ok);
                wait
            }
            Err(error) if error.is_a_race() => {
                tracing::debug!(%error, "another replica was faster");
                SOON
            }
            Err(error) => {
                let wait = health.is(ReloadOutcome::Failed);
                tracing::error!(%error, again_in = ?wait, "the registration cannot be kept; trying again");
                wait
            }
        }
    }

    /// Something of what is kept here has changed.
    fn changes(&self) -> BoxStream<'static, ()> {
        let secret = |name| {
            let secrets: Api<Secret> =
                Api::namespaced(self.watching.clone(), &self.installation.namespace);
            watching::object(secrets, name).map(drop).boxed()
        };
        let configurations: Api<ValidatingWebhookConfiguration> = Api::all(self.watching.clone());
        let configuration = watching::object(configurations, self.installation.name.clone());
        let path = secret(self.installation.webhook_path());
        let switch = Switch::changes(&self.watching, &self.installation);
        let mut changes = vec![configuration.map(drop).boxed(), path, switch.boxed()];
        if matches!(self.authority, Authority::Own(_)) {
            changes.push(secret(self.installation.certificates()));
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
}

/// How keeping the registration goes, for the metrics.
struct Health {
    telemetry: Telemetry,
    told: Option<ReloadOutcome>,
    failures: u32,
}

impl Health {
    const fn new(telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            told: None,
            failures: 0,
        }
    }

    /// Tells of a change, and how long to wait after a failure: longer after each.
    fn is(&mut self, outcome: ReloadOutcome) -> Duration {
        if self.told.replace(outcome) != Some(outcome) {
            self.telemetry.reload(ReloadSubject::Registration, outcome);
            self.failures = 0;
        }
        let wait = SOON * 2_u32.pow(self.failures.min(5));
        self.failures += 1;
        wait
    }
}
