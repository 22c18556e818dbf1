//! rollgate as it is installed in a cluster, but for its Pods: those are simulated, and the replicas
//! that answer are processes with the rights of its service account.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::Api;
use rollgate_model::yaml;
use serde_json::json;

use crate::balancer::Balancer;
use crate::control_plane::{ControlPlane, wait_for};
use crate::server::{Serve, binary};

/// The name of the installation.
pub const NAME: &str = "rollgate";

/// Where it is installed.
pub const NAMESPACE: &str = "rollgate-system";

/// An installation by `rollgate manifests`.
#[derive(Debug)]
pub struct Installation<'p> {
    plane: &'p ControlPlane,
    kubeconfig: PathBuf,
    balancer: Balancer,
    /// How many replicas there ever were.
    started: usize,
    /// The processes that answer.
    pub replicas: Vec<Serve>,
}

impl<'p> Installation<'p> {
    /// Installs it, and starts as many replicas, with some more arguments; they are ready then.
    ///
    /// # Errors
    /// The API server refuses something.
    pub async fn new(plane: &'p ControlPlane, replicas: usize, more: &[&str]) -> Result<Self> {
        let apply = plane.kubectl(["apply", "--server-side", "--filename=-"]);
        apply.input(leading_here(&manifests()?)?).ok().await?;
        let mut installation = Self::of_what_is_installed(plane).await?;
        for _ in 0..replicas {
            installation.start(more);
        }
        for replica in &installation.replicas {
            replica.ready().await;
        }
        Ok(installation)
    }

    /// What is installed already, its Service leading to this machine; without replicas that answer.
    ///
    /// # Errors
    /// The API server refuses something.
    pub async fn of_what_is_installed(plane: &'p ControlPlane) -> Result<Self> {
        Ok(Self {
            plane,
            kubeconfig: plane.service_account(NAMESPACE, NAME).await?,
            balancer: Balancer::start(&[]),
            started: 0,
            replicas: Vec::new(),
        })
    }

    /// Starts one more replica, which is not ready yet.
    pub fn start(&mut self, more: &[&str]) {
        let arguments = [
            "--cluster".to_owned(),
            "--register".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--namespace={NAMESPACE}"),
            format!("--identity=replica-{}", self.started),
            format!("--service-port={}", self.balancer.address.port()),
            format!(
                "--cache={}",
                binary().with_file_name("serve-cache").display()
            ),
            "--slots=16".to_owned(),
            "--drain-delay=1s".to_owned(),
        ];
        let more = more.iter().map(|&argument| argument.to_owned());
        let replica = Serve::start(arguments.into_iter().chain(more));
        self.balancer.join(&replica);
        self.started += 1;
        self.replicas.push(replica);
    }

    /// What is registered, once it is as wanted.
    ///
    /// # Errors
    /// It never is.
    pub async fn registered(
        &self,
        wanted: impl Fn(&ValidatingWebhookConfiguration) -> bool,
    ) -> Result<ValidatingWebhookConfiguration> {
        let all: Api<ValidatingWebhookConfiguration> = Api::all(self.plane.client().await?);
        let found = wait_for("another registration", async || {
            Ok(all.get_opt(NAME).await?.filter(&wanted))
        });
        let found = found.await;
        match found {
            Ok(found) => Ok(found),
            Err(error) => Err(error.context(format!("{:#?}", all.get_opt(NAME).await?))),
        }
    }
}

/// What `rollgate manifests` prints.
///
/// # Errors
/// It fails.
pub fn manifests() -> Result<String> {
    let namespace = format!("--namespace={NAMESPACE}");
    let output = Command::new(binary())
        .args(["manifests", &namespace])
        .output()
        .context("there is no binary")?;
    anyhow::ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Manifests whose Service leads to this machine from the start: endpoints that it once had would stay
/// as they are, ready or not.
fn leading_here(manifests: &str) -> Result<String> {
    let mut objects = Vec::new();
    for document in yaml::read(manifests.as_bytes()) {
        let mut object = document?.tree;
        if object["kind"] == "Service" {
            object["spec"] = json!({ "type": "ExternalName", "externalName": "localhost" });
        }
        objects.push(object);
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    Ok(list.to_string())
}

/// The names of the webhooks in a registration, and the resources that each asks for.
#[must_use]
pub fn asked_for(registered: &ValidatingWebhookConfiguration) -> Vec<String> {
    let webhooks = registered.webhooks.iter().flatten();
    let told = webhooks.map(|webhook| {
        let rules = webhook.rules.iter().flatten();
        let resources: Vec<_> = rules
            .flat_map(|rule| rule.resources.iter().flatten().cloned())
            .collect();
        format!("{}: {}", webhook.name, resources.join(" "))
    });
    told.collect()
}
