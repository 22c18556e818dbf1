//! `serve --cluster`: how to reach the API server, and which replica of which installation this is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::installation;
use crate::cluster::{Connection, Installation, Replica, ReplicaName};

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
    pub(super) modules: Option<PathBuf>,
    /// The name of this installation's Deployment, Service, ServiceAccount and ClusterRole
    #[arg(long, value_name = "NAME", default_value = "rollgate", value_parser = installation::name)]
    installation: String,
    /// The namespace of this installation; by default that of the Pod
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", value_parser = installation::namespace)]
    namespace: Option<String>,
    /// The unique name of this replica; by default the Pod's name
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<ReplicaName>,
}

impl Args {
    /// Returns this replica if it is to join a cluster. No request is sent yet, so that rollgate
    /// starts while the API server is down.
    ///
    /// # Errors
    /// If flags and environment name no API server or no namespace.
    pub(super) async fn replica(&self) -> anyhow::Result<Option<Replica>> {
        if !self.cluster {
            return Ok(None);
        }
        let connection = Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: None,
        };
        Ok(Some(Replica {
            clients: connection.clients().await?,
            installation: Installation {
                name: self.installation.clone(),
                namespace: self.namespace(Path::new(NAMESPACE_FILE))?,
            },
            name: self.identity.clone().unwrap_or_else(ReplicaName::generate),
        }))
    }

    fn namespace(&self, file: &Path) -> anyhow::Result<String> {
        if let Some(namespace) = &self.namespace {
            return Ok(namespace.clone());
        }
        let namespace = std::fs::read_to_string(file).with_context(|| {
            format!(
                "the namespace of this installation is not known: {} cannot be read; name it by --namespace or POD_NAMESPACE",
                file.display()
            )
        })?;
        Ok(namespace.trim().to_owned())
    }
}
