//! The names under which rollgate is installed.

/// One installation of rollgate in a cluster.
///
/// The chart gives one name to the Deployment, the Service, the ServiceAccount and the ClusterRole.
/// What rollgate itself creates is named after it too, and is owned by one of these, so that an
/// uninstallation leaves nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The name of its Deployment, Service, ServiceAccount and ClusterRole.
    pub name: String,
    /// The namespace it runs in.
    pub namespace: String,
}

impl Installation {
    /// The name that the API server calls, by which the serving certificate is issued.
    #[must_use]
    pub fn service_host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// The name of the Secret with the path at which it is called.
    #[must_use]
    pub fn webhook_path(&self) -> String {
        format!("{}-webhook-path", self.name)
    }

    /// The name of the Secret with its certificates.
    #[must_use]
    pub fn certificates(&self) -> String {
        format!("{}-certificates", self.name)
    }
}
