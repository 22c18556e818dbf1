//! Flags that name an installation in a cluster.

use std::path::PathBuf;

use rollgate_model::dns;

use crate::cluster::{Connection, Installation};

/// Which installation, and how to reach its cluster.
#[derive(Debug, clap::Args)]
pub(super) struct InstallationArgs {
    /// How to reach the API server; by default KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; by default its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Where it is installed
    #[arg(long, short, value_name = "NAME", default_value = "rollgate-system", value_parser = namespace)]
    pub(super) namespace: String,
    /// The name of the installation
    #[arg(long, value_name = "NAME", default_value = "rollgate", value_parser = name)]
    installation: String,
}

impl InstallationArgs {
    pub(super) fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }

    pub(super) fn installation(&self) -> Installation {
        Installation {
            name: self.installation.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

/// Parses the name of a namespace.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    label("namespace", text)
}

/// Parses the name of an installation.
pub(super) fn name(text: &str) -> Result<String, String> {
    label("name of an installation", text)
}

fn label(what: &str, text: &str) -> Result<String, String> {
    if dns::is_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a {what} is 1 to 63 small letters, digits and -, with - at neither end"
    ))
}
