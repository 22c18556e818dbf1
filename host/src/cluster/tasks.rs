//! The tasks of `rollgate serve` that speak to the API server: started one by one, stopped together.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::certificates::CertificateFollower;
use super::events::Events;
use super::lease::{Candidate, Leadership, ReplicaName};
use super::overrides::KubeOverrides;
use super::path_secret::PathFollower;
use super::policies::ClusterPolicies;
use super::policy_status::PolicyStatusWriter;
use super::registration::{Authority, Registrar, RegistrationOptions};
use super::revision_guard::RevisionGuard;
use super::{Clients, Installation};
use crate::admission::GateOptions;
use crate::config::Ceilings;
use crate::reload::{ActivePolicies, ActiveSet};
use crate::server::{Context, Readiness};
use crate::telemetry::Telemetry;

/// One replica of an installation, and its clients.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) clients: Clients,
    pub(crate) installation: Installation,
    pub(crate) name: ReplicaName,
}

/// The tasks of one replica. Dropping it aborts them.
pub(crate) struct ClusterTasks {
    replica: Replica,
    telemetry: Telemetry,
    active: watch::Receiver<ActiveSet>,
    leadership: Leadership,
    events: Events,
    overrides: Arc<KubeOverrides>,
    /// These run until they are aborted.
    background: JoinSet<Infallible>,
    /// These write what reviews leave to be written. They end when `reviews_ended` is true and
    /// nothing is left.
    writers: JoinSet<()>,
    reviews_ended: watch::Sender<bool>,
    candidate: JoinHandle<()>,
}

impl ClusterTasks {
    /// Starts what every replica runs: overrides, Events and the candidate for the Lease, which gives
    /// the Lease back when `stop` is done.
    ///
    /// Call it before the first policies are active: until then, the status of overrides would name
    /// every policy as unknown.
    pub(crate) fn new(
        replica: Replica,
        active: &ActivePolicies,
        telemetry: &Telemetry,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let requests = || replica.clients.requests.clone();
        let (events, event_writer) =
            Events::new(requests(), replica.name.to_string(), telemetry.clone());
        let (overrides, override_tasks) = KubeOverrides::new(&replica.clients);
        let (candidate, leadership) = Candidate::new(
            requests(),
            replica.installation.clone(),
            replica.name.clone(),
        );
        let reviews_ended = watch::Sender::new(false);
        let mut writers = JoinSet::new();
        writers.spawn(event_writer.run(is_true(&reviews_ended)));
        writers.spawn(override_tasks.recorder.run(is_true(&reviews_ended)));
        let mut tasks = Self {
            replica,
            telemetry: telemetry.clone(),
            active: active.subscribe(),
            leadership,
            events,
            overrides: Arc::new(overrides),
            background: JoinSet::new(),
            writers,
            reviews_ended,
            candidate: tokio::spawn(candidate.run(stop)),
        };
        let status = override_tasks.status;
        let status = status.run(tasks.leadership.clone(), tasks.active.clone());
        tasks.spawn(override_tasks.watch.run());
        tasks.spawn(status);
        tasks
    }

    /// Starts watching the policies and metric sources of the cluster, and writing their status.
    pub(crate) fn watch_policies(
        &mut self,
        modules: Option<PathBuf>,
        ceilings: Ceilings,
        readiness: &Readiness,
    ) -> ClusterPolicies {
        let clients = &self.replica.clients;
        let policies = ClusterPolicies::watch(
            &clients.watches,
            modules,
            ceilings,
            readiness,
            &self.telemetry,
        );
        let status =
            PolicyStatusWriter::new(clients.requests.clone(), &policies, self.events.clone());
        self.spawn(status.run(self.leadership.clone(), self.active.clone()));
        policies
    }

    /// Starts keeping the registration, what the server needs for it (the secret path, and
    /// certificates unless others are served), and the guard of revisions.
    pub(crate) fn register(&mut self, options: RegistrationOptions, server: &Context) {
        let Replica {
            clients,
            installation,
            ..
        } = self.replica.clone();
        if let Authority::Own(_) = options.authority {
            let follower = CertificateFollower {
                client: clients.watches.clone(),
                installation: installation.clone(),
                client_ca: options.client_ca,
                tls: server.tls.clone(),
                telemetry: self.telemetry.clone(),
            };
            self.spawn(follower.run());
        }
        let follower = PathFollower {
            client: clients.watches.clone(),
            installation: installation.clone(),
            times: options.path_renewal.times,
            secrets: options.path_secrets,
        };
        self.spawn(follower.run());
        let guard = RevisionGuard {
            clients: clients.clone(),
            installation: installation.clone(),
            policy: options.revision_guard,
            events: self.events.clone(),
            telemetry: self.telemetry.clone(),
        };
        self.spawn(guard.run(self.leadership.clone()));
        let registrar = Registrar {
            clients,
            installation,
            settings: options.settings,
            authority: options.authority,
            renewal: options.path_renewal,
            policies: self.active.clone(),
            server: server.clone(),
        };
        self.spawn(registrar.run(self.leadership.clone()));
    }

    /// Returns options of a gate that uses the cluster's overrides and reports Events there.
    pub(crate) fn gate_options(&self) -> GateOptions {
        GateOptions {
            overrides: Some(Arc::clone(&self.overrides) as _),
            events: Some(Arc::new(self.events.clone())),
            ..GateOptions::default()
        }
    }

    fn spawn(&mut self, task: impl Future<Output = Infallible> + Send + 'static) {
        self.background.spawn(task);
    }

    /// Ends all tasks after the last review: first writes what is left to be written, then waits
    /// until the Lease is given back, then aborts the rest. The first two steps take up to `limit`
    /// each.
    pub(crate) async fn shutdown(mut self, limit: Duration) {
        self.reviews_ended.send_replace(true);
        let writers = async { while self.writers.join_next().await.is_some() {} };
        if timeout(limit, writers).await.is_err() {
            tracing::warn!("Events or uses of overrides could not be written before the end");
        }
        match timeout(limit, self.candidate).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the task that holds the Lease failed; the Lease expires by itself");
            }
            Err(_) => tracing::warn!("the Lease could not be given back; it expires by itself"),
        }
        self.background.shutdown().await;
    }
}

/// Waits until the value is true or its sender is gone.
fn is_true(sender: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut receiver = sender.subscribe();
    async move {
        let _ = receiver.wait_for(|value| *value).await;
    }
}
