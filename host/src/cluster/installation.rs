//! The names, labels and owners of what rollgate creates in a cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::Api;
use kube::{Client, Error, Resource as _};

/// The label with the name of the installation that an object belongs to.
pub(super) const INSTALLATION_LABEL: &str = "rollgate.dev/installation";

/// The label with the namespace of that installation. For cluster-scoped objects, nothing else
/// distinguishes two installations of the same name.
pub(super) const NAMESPACE_LABEL: &str = "rollgate.dev/namespace";

/// One installation of rollgate in a cluster.
///
/// The chart gives one name to the Deployment, the Service, the ServiceAccount and the ClusterRole.
/// What rollgate itself creates is named after it too, and is owned by one of these, so that an
/// uninstallation leaves nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Installation {
    /// Returns the host name that the API server calls, for which the serving certificate is issued.
    pub(super) fn service_host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// Returns the name of the Secret with the secret path.
    pub(super) fn webhook_path(&self) -> String {
        format!("{}-webhook-path", self.name)
    }

    /// Returns the name of the Secret with the certificates.
    pub(super) fn certificates(&self) -> String {
        format!("{}-certificates", self.name)
    }

    /// Returns the name of the binding of the guard of revisions.
    pub(super) fn guard_binding(&self) -> String {
        format!("{}-revisions", self.name)
    }

    /// Returns the name of the Deployment on which the guard is tried, of the policy that denies its
    /// ReplicaSet to everybody, and of the binding of either policy to it.
    pub(super) fn guard_probe(&self) -> String {
        format!("{}-revisions-probe", self.name)
    }

    /// Returns the labels of everything that rollgate creates.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = [
            ("app.kubernetes.io/name", "rollgate"),
            ("app.kubernetes.io/managed-by", "rollgate"),
            (INSTALLATION_LABEL, self.name.as_str()),
        ];
        labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// Returns the Deployment as an owner, so that what it owns is deleted with it. `None` if there
    /// is none, as for a process that no Deployment started.
    pub(super) async fn deployment_owner(
        &self,
        client: &Client,
    ) -> Result<Option<OwnerReference>, Error> {
        let api: Api<Deployment> = Api::namespaced(client.clone(), &self.namespace);
        let deployment = api.get_opt(&self.name).await?;
        Ok(deployment.and_then(|deployment| deployment.owner_ref(&())))
    }

    /// Returns the ClusterRole as an owner, for cluster-scoped objects.
    pub(super) async fn cluster_role_owner(
        &self,
        client: &Client,
    ) -> Result<Option<OwnerReference>, Error> {
        let api: Api<ClusterRole> = Api::all(client.clone());
        let role = api.get_opt(&self.name).await?;
        Ok(role.and_then(|role| role.owner_ref(&())))
    }
}
