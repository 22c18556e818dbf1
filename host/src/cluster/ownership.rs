//! Who owns what this process creates.

use k8s_openapi::api::apps::v1::Deployment;
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
