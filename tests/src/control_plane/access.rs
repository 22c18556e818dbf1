//! Who may speak with the API server: its certificates, and a kubeconfig for each user.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::certificate::{Authority, Pair};

/// The API server's configuration of admission, and the users it is towards webhooks.
const ADMISSION: &str = "admission.yaml";
const SHOWN_TO_WEBHOOKS: &str = "webhooks.kubeconfig";

/// The keys of a control plane, in files.
#[derive(Debug)]
pub(super) struct Access {
    folder: PathBuf,
    server: String,
    authority: Authority,
    admin: Pair,
}

impl Access {
    /// Makes everything that the programs need in `folder`, for an API server at this port.
    pub(super) fn new(folder: &Path, port: u16) -> Result<Self> {
        let authority = Authority::new();
        let access = Self {
            folder: folder.to_owned(),
            server: format!("https://127.0.0.1:{port}"),
            admin: authority.user("admin", Some("system:masters")),
            authority,
        };
        let names = ["kubernetes.default.svc", "localhost", "127.0.0.1"];
        let server = access.authority.server(&names);
        fs::write(access.path("ca.crt"), &access.authority.pem)?;
        fs::write(access.path("api-server.crt"), &server.certificate)?;
        fs::write(access.path("api-server.key"), &server.key)?;
        let tokens = KeyPair::generate()?;
        fs::write(access.path("tokens.key"), tokens.serialize_pem())?;
        fs::write(access.path("tokens.pub"), tokens.public_key_pem())?;
        access.write("admin", &certificate(&access.admin))?;
        for component in ["kube-controller-manager", "kube-scheduler"] {
            let pair = access.authority.user(&format!("system:{component}"), None);
            access.write(component, &certificate(&pair))?;
        }
        Ok(access)
    }

    /// A file of the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where [`Access::new`] and [`Access::write`] put the kubeconfig of a user.
    pub(super) fn kubeconfig(&self, name: &str) -> PathBuf {
        // A colon in `KUBECONFIG` separates files.
        self.path(&format!("{}.kubeconfig", name.replace(':', ".")))
    }

    /// Writes the kubeconfig of somebody who proves it with a token.
    pub(super) fn with_token(&self, name: &str, token: &str) -> Result<PathBuf> {
        self.write(name, &json!({ "token": token }))
    }

    /// Writes the kubeconfig of somebody whom the administrator speaks for: the API server takes
    /// them for that user from authentication on, and any number of groups is possible.
    pub(super) fn on_behalf_of(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let mut credentials = certificate(&self.admin);
        credentials["as"] = json!(user);
        credentials["as-groups"] = json!(groups);
        self.write(user, &credentials)
    }

    /// Has the API server show a certificate to the webhook at `host`, from its next start on.
    pub(super) fn show(&self, host: &str, pair: &Pair) -> Result<()> {
        let users = self.path(SHOWN_TO_WEBHOOKS);
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "users": [{ "name": host, "user": certificate(pair) }],
        });
        fs::write(&users, config.to_string())?;
        let plugin = json!({
            "name": "ValidatingAdmissionWebhook",
            "configuration": {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "WebhookAdmissionConfiguration",
                "kubeConfigFile": users,
            },
        });
        let config = json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [plugin],
        });
        Ok(fs::write(self.path(ADMISSION), config.to_string())?)
    }

    /// The configuration of the API server's client certificates, if there are any.
    pub(super) fn shown(&self) -> Option<PathBuf> {
        Some(self.path(ADMISSION)).filter(|path| path.exists())
    }

    fn write(&self, name: &str, credentials: &Value) -> Result<PathBuf> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "rollgate-tests",
            "contexts": [{
                "name": "rollgate-tests",
                "context": { "cluster": "rollgate-tests", "user": name },
            }],
            "clusters": [{
                "name": "rollgate-tests",
                "cluster": {
                    "server": self.server,
                    "certificate-authority-data": base64(&self.authority.pem),
                },
            }],
            "users": [{ "name": name, "user": credentials }],
        });
        let path = self.kubeconfig(name);
        // JSON is YAML.
        fs::write(&path, config.to_string())?;
        Ok(path)
    }
}

fn certificate(pair: &Pair) -> Value {
    json!({
        "client-certificate-data": base64(&pair.certificate),
        "client-key-data": base64(&pair.key),
    })
}

fn base64(text: &str) -> ByteString {
    ByteString(text.into())
}

/// A client for the user of a kubeconfig, for the runtime of the caller.
pub(super) async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// What the API server says at a path that is no resource.
pub(super) async fn get(client: &Client, path: &str) -> Result<String> {
    let request = hyper::Request::get(path).body(Vec::new())?;
    Ok(client.request_text(request).await?)
}
