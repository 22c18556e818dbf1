//! Takes an installation out of a cluster, in an order that never leaves a webhook that calls nobody.
//!
//! First the rights go, so that no replica puts back what is removed next; then the registration,
//! while there is still somebody who answers; then everything else. Custom resource definitions, and
//! with them all policies, go only where that is asked for.

mod parts;

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams};
use kube::{Client, Error, ResourceExt as _};
use tokio::time::sleep;

use super::Installation;
use super::crd;
use parts::{Part, registration};

/// How long a replica that has just lost its rights may still act on them.
const ECHO: Duration = Duration::from_millis(500);

/// How often a registration that comes back is removed again.
const ATTEMPTS: usize = 20;

/// An installation as it was found.
pub struct Uninstallation {
    client: Client,
    installation: Installation,
    /// What goes, in this order.
    found: Vec<Part>,
    /// How many objects there are of each of rollgate's kinds, by the kind's plural name.
    pub objects: Vec<(String, usize)>,
}

/// What becomes of the custom resource definitions, and with them of all policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// They stay.
    Keep,
    /// They go.
    Remove,
}

/// Why it cannot be taken out.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// The API server does not do it.
    #[error("the API server refuses to {verb} {what}, or does not answer: {error}")]
    Api {
        /// What was tried.
        verb: &'static str,
        /// With what.
        what: String,
        /// Why not.
        error: Error,
    },
    /// Helm would go on to believe that it is there.
    #[error(
        "it was installed by Helm as the release {release}: use `helm uninstall {release} --namespace {namespace}`"
    )]
    ByHelm {
        /// The release.
        release: String,
        /// Where it is.
        namespace: String,
    },
    /// A replica that nobody knows of puts the registration back.
    #[error(
        "the registration {0} is put back again and again: a replica has rights to it that are not of this installation; end it, and try again"
    )]
    PutBack(String),
}

impl Uninstallation {
    /// Looks for what there is; changes nothing.
    ///
    /// # Errors
    /// Where the API server does not tell, or Helm installed it.
    pub async fn find(
        client: Client,
        installation: Installation,
        definitions: Definitions,
    ) -> Result<Self, UninstallError> {
        let mut found = Vec::new();
        let guards = parts::guards(&client, &installation).await;
        let guards = guards.map_err(|error| UninstallError::Api {
            verb: "list",
            what: "validatingadmissionpolicies".to_owned(),
            error,
        })?;
        for part in parts::all(&installation).into_iter().chain(guards) {
            if let Some(object) = part.read(&client).await? {
                by_helm(&object, &installation)?;
                found.push(part);
            }
        }
        let mut objects = Vec::new();
        for definition in crd::definitions() {
            let part = parts::definition(&definition);
            if part.read(&client).await?.is_none() {
                continue;
            }
            objects.push((
                definition.spec.names.plural.clone(),
                count(&client, &definition).await?,
            ));
            if definitions == Definitions::Remove {
                found.push(part);
            }
        }
        Ok(Self {
            client,
            installation,
            found,
            objects,
        })
    }

    /// What goes, in this order: kind and name.
    pub fn found(&self) -> impl Iterator<Item = String> {
        self.found.iter().map(ToString::to_string)
    }

    /// Removes it all, and tells of each part that is gone.
    ///
    /// # Errors
    /// Where something cannot be removed. What was removed before stays so; trying again goes on.
    pub async fn remove(self, mut tell: impl FnMut(&str)) -> Result<(), UninstallError> {
        let registration = registration(&self.installation);
        for part in &self.found {
            if *part == registration {
                self.unregister(part).await?;
            } else {
                part.delete(&self.client).await?;
            }
            tell(&part.to_string());
        }
        Ok(())
    }

    async fn unregister(&self, part: &Part) -> Result<(), UninstallError> {
        for _ in 0..ATTEMPTS {
            part.delete(&self.client).await?;
            sleep(ECHO).await;
            if part.read(&self.client).await?.is_none() {
                return Ok(());
            }
        }
        Err(UninstallError::PutBack(self.installation.name.clone()))
    }
}

impl Part {
    async fn read(&self, client: &Client) -> Result<Option<DynamicObject>, UninstallError> {
        let read = self.api(client).get_opt(&self.name).await;
        let read = read.map_err(|error| self.failed("read", error))?;
        Ok(read.filter(|object| self.is_ours(object)))
    }

    async fn delete(&self, client: &Client) -> Result<(), UninstallError> {
        let parameters = DeleteParams::background();
        match self.api(client).delete(&self.name, &parameters).await {
            Err(Error::Api(status)) if status.is_not_found() => Ok(()),
            done => done.map(drop).map_err(|error| self.failed("delete", error)),
        }
    }

    fn failed(&self, verb: &'static str, error: Error) -> UninstallError {
        UninstallError::Api {
            verb,
            what: self.to_string(),
            error,
        }
    }
}

fn by_helm(object: &DynamicObject, installation: &Installation) -> Result<(), UninstallError> {
    match object.annotations().get("meta.helm.sh/release-name") {
        None => Ok(()),
        Some(release) => Err(UninstallError::ByHelm {
            release: release.clone(),
            namespace: installation.namespace.clone(),
        }),
    }
}

async fn count(
    client: &Client,
    definition: &CustomResourceDefinition,
) -> Result<usize, UninstallError> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &parts::kind_of(definition));
    let listed = api.list_metadata(&ListParams::default()).await;
    listed
        .map(|list| list.items.len())
        .map_err(|error| UninstallError::Api {
            verb: "list",
            what: definition.spec.names.plural.clone(),
            error,
        })
}
