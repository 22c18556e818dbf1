//! Secrets with the credentials of metric sources, in rollgate's own namespace and nowhere else.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;

use super::names;
use super::request::RequestError;
use crate::sources::{NoSecret, Secrets};

/// The Secrets of one namespace.
#[derive(Clone)]
pub struct SecretReader {
    secrets: Api<Secret>,
    namespace: String,
}

impl SecretReader {
    /// Returns a reader of one namespace. No request is sent yet.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            secrets: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
        }
    }

    async fn entry(&self, name: &str, key: &str) -> Result<String, NoSecret> {
        names::object(name).map_err(|error| NoSecret(error.message))?;
        let secret = match self.secrets.get(name).await {
            Ok(secret) => secret,
            Err(error) => return Err(self.missing(name, error.into())),
        };
        let entry = secret.data.and_then(|mut entries| entries.remove(key));
        let entry = entry.ok_or_else(|| {
            let namespace = &self.namespace;
            NoSecret(format!(
                "the Secret `{name}` in `{namespace}` has no key `{key}`"
            ))
        })?;
        String::from_utf8(entry.0).map_err(|_| {
            NoSecret(format!(
                "the key `{key}` of the Secret `{name}` is no UTF-8 text"
            ))
        })
    }

    fn missing(&self, name: &str, failure: RequestError) -> NoSecret {
        let namespace = &self.namespace;
        NoSecret(match failure {
            RequestError::Status { status: 404, .. } => {
                format!("there is no Secret `{name}` in `{namespace}`, the namespace of rollgate")
            }
            RequestError::Status { status: 403, .. } => format!(
                "rollgate may not read the Secret `{name}` in `{namespace}`: add its name to the chart's value `metricSecrets`"
            ),
            other => format!("the Secret `{name}` in `{namespace}` cannot be read: {other}"),
        })
    }
}

impl Secrets for SecretReader {
    fn read<'a>(&'a self, name: &'a str, key: &'a str) -> BoxFuture<'a, Result<String, NoSecret>> {
        self.entry(name, key).boxed()
    }
}
