//! `serve` as a member of a cluster: what of it is kept there, and what it keeps there itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::Client;
use tokio::task::JoinHandle;

use super::super::names;
use super::ties::{Keepers, Kept};
use crate::cluster::{
    Candidate, Connection, Events, Feed, Identity, Installation, Registrar, Reporter, RevisionGuard,
};
use crate::server::Readiness;
use crate::server::live::Live;
use crate::telemetry::Telemetry;

/// Where a Pod finds the namespace that it runs in.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Join the cluster: policies (unless --policies names files), earlier revisions, what policies
    /// may read, events and overrides come from its API server
    #[arg(long)]
    cluster: bool,
    /// How to reach the API server; by default the Pod's service account, else KUBECONFIG or
    /// ~/.kube/config
    #[arg(long, value_name = "FILE", requires = "cluster")]
    kubeconfig: Option<PathBuf>,
    /// Where the module files are that policies of the cluster name
    #[arg(long, value_name = "FOLDER", requires = "cluster")]
    modules: Option<PathBuf>,
    /// The name of this installation's Deployment, Service, ServiceAccount and ClusterRole
    #[arg(long, value_name = "NAME", default_value = "rollgate", value_parser = names::installation)]
    installation: String,
    /// The namespace of this installation; by default that of the Pod
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", value_parser = names::namespace)]
    namespace: Option<String>,
    /// What tells this replica from the others; by default the Pod's name
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<Identity>,
}

/// This process in its cluster: what all that speaks to the API server is built from.
#[derive(Clone)]
pub(super) struct Member {
    /// For all requests but watches: it fails within seconds where the API server does not answer.
    pub(super) brief: Client,
    /// For watches, which are silent for minutes.
    pub(super) watching: Client,
    /// The names under which rollgate is installed.
    pub(super) installation: Installation,
    /// Which of the replicas this is.
    pub(super) identity: Identity,
    /// Where module files are; without a folder, policies of the cluster have bundled modules only.
    pub(super) modules: Option<PathBuf>,
}

impl Member {
    /// The policies of the cluster, followed from now on.
    pub(super) fn feed(&self, readiness: &Readiness, telemetry: &Telemetry) -> Feed {
        Feed::new(&self.watching, self.modules.clone(), readiness, telemetry)
    }

    /// What says in the feed's objects how they stand.
    pub(super) fn reporter(&self, feed: &Feed, events: Events) -> Reporter {
        Reporter::new(self.brief.clone(), feed, events)
    }

    /// Begins what a member does beside answering reviews; the part of the one that writes for all
    /// ends when `stop` is done.
    pub(super) fn begin(
        self,
        keepers: Keepers,
        writers: Writers,
        live: &Live,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Duties {
        let (candidate, leadership) = Candidate::new(self.brief, self.installation, self.identity);
        if let Some(reporter) = writers.reporter {
            tokio::spawn(reporter.run(leadership.clone(), live.subscribe()));
        }
        if let Some(registrar) = writers.registrar {
            tokio::spawn(registrar.run(leadership.clone()));
        }
        if let Some(guard) = writers.guard {
            tokio::spawn(guard.run(leadership.clone()));
        }
        Duties {
            candidate: tokio::spawn(candidate.run(stop)),
            kept: keepers.begin(leadership, live),
        }
    }
}

/// What the holder of the Lease keeps in the cluster, as far as this process is asked to.
pub(super) struct Writers {
    /// How policies and metric sources stand.
    pub(super) reporter: Option<Reporter>,
    /// What the API server asks.
    pub(super) registrar: Option<Registrar>,
    /// Who may write revisions.
    pub(super) guard: Option<RevisionGuard>,
}

/// What a member does beside answering reviews.
pub(super) struct Duties {
    candidate: JoinHandle<()>,
    kept: Kept,
}

impl Duties {
    /// Waits until another replica can take them over, after `stop` and the last review.
    pub(super) async fn ended(self) {
        self.kept.ended().await;
        if let Err(error) = self.candidate.await {
            tracing::error!(%error, "standing for the Lease ended by itself; it runs out");
        }
    }
}

impl Args {
    /// The cluster that was named by the flags, `None` where none was. Nothing is asked of its API
    /// server yet, so that rollgate starts while that is away.
    ///
    /// # Errors
    /// Where the flags and the surroundings do not tell how to reach it, or where we are in it.
    pub(super) async fn join(&self) -> anyhow::Result<Option<Member>> {
        if !self.cluster {
            return Ok(None);
        }
        let connection = Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: None,
        };
        Ok(Some(Member {
            brief: connection.brief_client().await?,
            watching: connection.client().await?,
            installation: Installation {
                name: self.installation.clone(),
                namespace: self.namespace(Path::new(NAMESPACE_FILE))?,
            },
            identity: self.identity.clone().unwrap_or_else(Identity::of_this_host),
            modules: self.modules.clone(),
        }))
    }

    fn namespace(&self, of_pod: &Path) -> anyhow::Result<String> {
        if let Some(namespace) = &self.namespace {
            return Ok(namespace.clone());
        }
        let namespace = std::fs::read_to_string(of_pod).with_context(|| {
            format!(
                "the namespace of this installation is not known: {} cannot be read; name it by --namespace or POD_NAMESPACE",
                of_pod.display()
            )
        })?;
        Ok(namespace.trim().to_owned())
    }
}
