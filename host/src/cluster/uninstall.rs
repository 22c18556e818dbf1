//! Deletes an installation, in an order that never leaves a webhook that nobody answers.
//!
//! First the rights are deleted, so that no replica recreates what is deleted next; then the registration,
//! while replicas still answer; then everything else. Custom resource definitions, and with them all
//! policies, are deleted only on request.

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
const PROPAGATION: Duration = Duration::from_millis(500);

/// How often a registration that a replica recreates is deleted again.
const MAX_DELETIONS: usize = 20;

/// An installation to be deleted.
pub(crate) struct Uninstallation {
    client: Client,
    installation: Installation,
    /// What is to be deleted, in this order.
    found: Vec<Part>,
    /// The number of objects of each of rollgate's kinds, by the kind's plural name.
    pub(crate) objects: Vec<(String, usize)>,
}

/// Whether to delete the custom resource definitions, and with them all policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Definitions {
    Keep,
    Remove,
}

/// Why an installation cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UninstallError {
    #[error("the API server refuses to {verb} {what}, or does not answer: {error}")]
    Api {
        verb: &'static str,
        what: String,
        error: Error,
    },
    /// Helm would still list it as installed.
    #[error(
        "it was installed by Helm as the release {release}: use `helm uninstall {release} --namespace {namespace}`"
    )]
    ByHelm { release: String, namespace: String },
    /// A replica whose rights are not of this installation recreates the registration.
    #[error(
        "the registration {0} is put back again and again: a replica has rights to it that are not of this installation; end it, and try again"
    )]
    PutBack(String),
}

impl Uninstallation {
    /// Finds everything that is to be deleted, and changes nothing.
    ///
    /// # Errors
    /// If the API server does not answer, or Helm installed it.
    pub(crate) async fn find(
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

    /// Returns kind and name of what is to be deleted, in this order.
    pub(crate) fn found(&self) -> impl Iterator<Item = String> {
        self.found.iter().map(ToString::to_string)
    }

    /// Deletes everything, and reports each object that is deleted.
    ///
    /// # Errors
    /// If an object cannot be deleted. What was deleted before stays so; the next attempt continues.
    pub(crate) async fn remove(self, mut report: impl FnMut(&str)) -> Result<(), UninstallError> {
        let registration = registration(&self.installation);
        for part in &self.found {
            if *part == registration {
                self.unregister(part).await?;
            } else {
                part.delete(&self.client).await?;
            }
            report(&part.to_string());
        }
        Ok(())
    }

    async fn unregister(&self, part: &Part) -> Result<(), UninstallError> {
        for _ in 0..MAX_DELETIONS {
            part.delete(&self.client).await?;
            sleep(PROPAGATION).await;
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
