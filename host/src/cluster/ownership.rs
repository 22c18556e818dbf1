//! Who owns what this process creates.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::Api;
use kube::{Client, Error, Resource as _};

use super::Installation;

/// The installation's Deployment as an owner: what it owns goes when it goes. `None` where there is
/// none, as for a process that no Deployment started.
pub(super) async fn deployment(
    client: &Client,
    installation: &Installation,
) -> Result<Option<OwnerReference>, Error> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), &installation.namespace);
    let deployment = api.get_opt(&installation.name).await?;
    Ok(deployment.and_then(|deployment| deployment.owner_ref(&())))
}

/// The installation's ClusterRole as an owner, for what stands in no namespace.
pub(super) async fn cluster_role(
    client: &Client,
    installation: &Installation,
) -> Result<Option<OwnerReference>, Error> {
    let api: Api<ClusterRole> = Api::all(client.clone());
    let role = api.get_opt(&installation.name).await?;
    Ok(role.and_then(|role| role.owner_ref(&())))
}

/// The label that names the installation whose an object is.
pub(super) const INSTALLATION: &str = "rollgate.dev/installation";

/// The label that names the namespace of the installation whose an object is. Nothing else tells two
/// installations of the same name apart, where the object stands in no namespace.
pub(super) const NAMESPACE: &str = "rollgate.dev/namespace";

/// What tells people whose object it is.
pub(super) fn labels(installation: &Installation) -> BTreeMap<String, String> {
    let labels = [
        ("app.kubernetes.io/name", "rollgate"),
        ("app.kubernetes.io/managed-by", "rollgate"),
        (INSTALLATION, installation.name.as_str()),
    ];
    labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
