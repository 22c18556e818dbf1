//! The off switch: an annotation of the installation's Deployment, by which a person takes rollgate out
//! of everybody's way. It holds while replicas run, and after they have started anew.

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error, ResourceExt as _};
use serde_json::json;

use super::{Installation, watching};

/// The annotation.
pub(super) const ANNOTATION: &str = "rollgate.dev/gate";

/// Its value that switches off.
const OFF: &str = "off";

/// Whether an installation refuses anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// As its policies say.
    On,
    /// Neither the webhook nor the guard of revisions stands in the way of anybody.
    Off,
}

impl Switch {
    /// Reads how it stands. Without a Deployment, as for a process that none started, it is on.
    pub(super) async fn read(client: &Client, installation: &Installation) -> Result<Self, Error> {
        let deployments = deployments(client, installation);
        let deployment = deployments.get_opt(&installation.name).await?;
        let off = deployment.is_some_and(|deployment| {
            let value = deployment.annotations().get(ANNOTATION);
            value.is_some_and(|value| value.eq_ignore_ascii_case(OFF))
        });
        Ok(if off { Self::Off } else { Self::On })
    }

    /// Sets it. `false` where there is no Deployment to say it of.
    pub(super) async fn set(
        self,
        client: &Client,
        installation: &Installation,
    ) -> Result<bool, Error> {
        let value = match self {
            Self::On => json!(null),
            Self::Off => json!(OFF),
        };
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { ANNOTATION: value } } }));
        let deployments = deployments(client, installation);
        let name = &installation.name;
        match deployments
            .patch(name, &PatchParams::default(), &patch)
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::Api(status)) if status.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Yields whenever the Deployment changes.
    pub(super) fn changes(
        client: &Client,
        installation: &Installation,
    ) -> impl Stream<Item = ()> + Send + use<> {
        let deployments = deployments(client, installation);
        watching::object(deployments, installation.name.clone()).map(drop)
    }
}

fn deployments(client: &Client, installation: &Installation) -> Api<Deployment> {
    Api::namespaced(client.clone(), &installation.namespace)
}
