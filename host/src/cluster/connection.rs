use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long a request of [`Connection::client_with_timeout`] may wait for its response.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// Where the API server is, and as whom to connect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    /// A kubeconfig file. By default the service account of the Pod that this process runs in, or
    /// else `KUBECONFIG` or `~/.kube/config`.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, by default its current one.
    pub(crate) context: Option<String>,
}

/// Two clients of the same API server with the same rights.
#[derive(Clone)]
pub(crate) struct Clients {
    /// For all requests but watches: they fail within seconds if the API server does not answer.
    pub(crate) requests: Client,
    /// For watches, which are silent for minutes.
    pub(crate) watches: Client,
}

impl Connection {
    /// Makes both clients, without sending a request.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub(crate) async fn clients(&self) -> Result<Clients, ConnectError> {
        Ok(Clients {
            requests: self.client_with_timeout().await?,
            watches: self.client().await?,
        })
    }

    /// Makes a client, without sending a request.
    ///
    /// # Errors
    /// If no configuration is found, or it cannot be used.
    pub(crate) async fn client(&self) -> Result<Client, ConnectError> {
        let config = self.config().await?;
        Client::try_from(config).map_err(ConnectError::Client)
    }

    /// Makes a client whose requests fail within seconds if the API server does not answer.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub(crate) async fn client_with_timeout(&self) -> Result<Client, ConnectError> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(REQUEST_TIMEOUT);
        config.read_timeout = Some(REQUEST_TIMEOUT);
        config.write_timeout = Some(REQUEST_TIMEOUT);
        // Callers retry on their own schedule.
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

/// Why there is no client for the API server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(
        "cannot connect to an API server: neither the service account of a Pod nor a kubeconfig was found; name a kubeconfig by --kubeconfig"
    )]
    Infer(#[source] kube::config::InferConfigError),
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    #[error("the configuration of the connection to the API server cannot be used")]
    Client(#[source] kube::Error),
}
