//! Switches an installation off and on, from outside and whether or not replicas run.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use kube::api::{Api, DeleteParams};
use kube::{Client, Error, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::{Installation, Switch, ownership};

/// How long a replica that has not yet seen the switch may act as before.
const ECHO: Duration = Duration::from_millis(500);

/// How often something that comes back is removed again.
const ATTEMPTS: usize = 20;

/// Switches an installation off and on.
pub struct Switching {
    /// For requests.
    pub client: Client,
    /// Which one.
    pub installation: Installation,
}

/// Why it cannot be switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
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
    /// It is not there.
    #[error(
        "there is no Deployment {name} in the namespace {namespace}: name the installation by --namespace and --installation"
    )]
    Missing {
        /// The installation.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// Another installation has this name.
    #[error(
        "{what} is that of the installation in the namespace {namespace}: use --namespace {namespace}"
    )]
    Elsewhere {
        /// The object.
        what: String,
        /// Where its installation is.
        namespace: String,
    },
    /// A replica does not heed the switch.
    #[error(
        "{0} is put back again and again: a replica of an older version runs; scale its Deployment to 0, and try again"
    )]
    PutBack(String),
}

impl Switching {
    /// Takes the webhook and the guard of revisions out of everybody's way, and tells of each step.
    ///
    /// # Errors
    /// Where one of them cannot be removed. What was removed before stays so; trying again goes on.
    pub async fn off(&self, mut tell: impl FnMut(&str)) -> Result<(), SwitchError> {
        let Installation { name, namespace } = &self.installation;
        let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.client.clone());
        let (binding, probe) = (
            self.installation.guard_binding(),
            self.installation.guard_probe(),
        );
        // Before anything is changed: a wrong namespace is a slip.
        self.is_there(&webhooks, name).await?;
        self.is_there(&bindings, &binding).await?;
        if self.set(Switch::Off).await? {
            tell(&format!(
                "Deployment {namespace}/{name} says {}=off: its replicas put nothing back",
                super::switch::ANNOTATION
            ));
        } else {
            tell(&format!(
                "no Deployment {namespace}/{name} is there to put anything back"
            ));
        }
        // A replica may be faster, so it is said what is gone and not by whom.
        self.remove(&webhooks, name).await?;
        tell(&format!("ValidatingWebhookConfiguration {name} is gone"));
        self.remove(&bindings, &probe).await?;
        self.remove(&bindings, &binding).await?;
        tell(&format!(
            "ValidatingAdmissionPolicyBinding {binding} is gone"
        ));
        Ok(())
    }

    /// Has replicas put both back.
    ///
    /// # Errors
    /// Where there is no such installation, or the API server refuses it.
    pub async fn on(&self) -> Result<(), SwitchError> {
        if self.set(Switch::On).await? {
            return Ok(());
        }
        let Installation { name, namespace } = self.installation.clone();
        Err(SwitchError::Missing { name, namespace })
    }

    async fn set(&self, switch: Switch) -> Result<bool, SwitchError> {
        let set = switch.set(&self.client, &self.installation).await;
        set.map_err(|error| SwitchError::Api {
            verb: "annotate",
            what: format!(
                "Deployment {}/{}",
                self.installation.namespace, self.installation.name
            ),
            error,
        })
    }

    /// Removes an object that is there, until it stays away.
    async fn remove<K>(&self, api: &Api<K>, name: &str) -> Result<(), SwitchError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("{} {name}", K::kind(&()));
        if !self.is_there(api, name).await? {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            match api.delete(name, &DeleteParams::default()).await {
                Err(Error::Api(status)) if status.is_not_found() => {}
                done => {
                    done.map_err(failed("delete", &what))?;
                }
            }
            sleep(ECHO).await;
            if !self.is_there(api, name).await? {
                return Ok(());
            }
        }
        Err(SwitchError::PutBack(what))
    }

    /// Whether an object of ours is there. Another's may have the same name; one of another installation
    /// of rollgate is told.
    async fn is_there<K>(&self, api: &Api<K>, name: &str) -> Result<bool, SwitchError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("{} {name}", K::kind(&()));
        let found = api.get_opt(name).await.map_err(failed("read", &what))?;
        let Some(found) = found else {
            return Ok(false);
        };
        if !found.labels().contains_key(ownership::INSTALLATION) {
            return Ok(false);
        }
        match found.labels().get(ownership::NAMESPACE) {
            Some(namespace) if *namespace != self.installation.namespace => {
                let namespace = namespace.clone();
                Err(SwitchError::Elsewhere { what, namespace })
            }
            _ => Ok(true),
        }
    }
}

fn failed(verb: &'static str, what: &str) -> impl Fn(Error) -> SwitchError {
    move |error| SwitchError::Api {
        verb,
        what: what.to_owned(),
        error,
    }
}
