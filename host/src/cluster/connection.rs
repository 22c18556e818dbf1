//! The way to the API server.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long a request of [`Connection::brief_client`] may wait for its answer.
pub(super) const BRIEF: Duration = Duration::from_secs(4);

/// Where the API server is and who asks there.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// A kubeconfig file. Without one: the service account of the Pod that this process runs in,
    /// or else `KUBECONFIG` or `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; its current one where none is named.
    pub context: Option<String>,
}

impl Connection {
    /// A client for the API server. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// Where no configuration is found, or it cannot be used.
    pub async fn client(&self) -> Result<Client, ConnectError> {
        let config = self.config().await?;
        Client::try_from(config).map_err(ConnectError::Client)
    }

    /// A client whose requests fail within seconds where the API server does not answer, for all
    /// but watches: those are silent for minutes.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub async fn brief_client(&self) -> Result<Client, ConnectError> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(BRIEF);
        config.read_timeout = Some(BRIEF);
        config.write_timeout = Some(BRIEF);
        // Whoever asks tries again in his own time.
        config.default_retry = false;
        Client::try_from(config).map_err(ConnectError::Client)
    }

    async fn config(&self) -> Result<Config, ConnectError> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let Some(path) = &self.kubeconfig else {
            if self.context.is_some() {
                return Config::from_kubeconfig(&options)
                    .await
                    .map_err(ConnectError::Kubeconfig);
            }
            return Config::infer().await.map_err(ConnectError::Infer);
        };
        let read = Kubeconfig::read_from(path).map_err(ConnectError::Kubeconfig)?;
        Config::from_custom_kubeconfig(read, &options)
            .await
            .map_err(ConnectError::Kubeconfig)
    }
}

/// Why there is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a service account nor a kubeconfig was found.
    #[error(
        "there is no way to the API server: neither the service account of a Pod nor a kubeconfig was found; name one by --kubeconfig"
    )]
    Infer(#[source] kube::config::InferConfigError),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// What the configuration says makes no client.
    #[error("no client for the API server can be made of its configuration")]
    Client(#[source] kube::Error),
}
