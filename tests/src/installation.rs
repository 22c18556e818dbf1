//! rollgate as it is installed in a cluster, but for its Pods: those are simulated, and the replicas
//! that answer are processes with the rights of its service account.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::Api;
use rollgate_yaml as yaml;
use serde_json::{Value, json};

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
        installation.start_all(replicas, more).await;
        Ok(installation)
    }

    /// As [`Installation::new`] where it was installed before and no replica runs any more: nothing is
    /// left of what those made.
    ///
    /// # Errors
    /// As there.
    pub async fn again(plane: &'p ControlPlane, replicas: usize, more: &[&str]) -> Result<Self> {
        let mut installation = Self::of_what_is_installed(plane).await?;
        installation.forget().await?;
        installation.start_all(replicas, more).await;
        Ok(installation)
    }

    /// Removes what replicas have made, of which none may run.
    async fn forget(&self) -> Result<()> {
        let registration = format!("validatingwebhookconfiguration/{NAME}");
        let secrets = [certificates(), webhook_path()];
        let [secret, path] = secrets.map(|name| format!("secret/{name}"));
        let lease = format!("lease/{NAME}");
        for object in [registration, secret, path, lease] {
            let delete = ["delete", &object, "--ignore-not-found"];
            let delete = self.plane.kubectl(delete).args(["--namespace", NAMESPACE]);
            delete.ok().await?;
        }
        Ok(())
    }

    /// Starts so many more replicas, which are ready then.
    pub async fn start_all(&mut self, replicas: usize, more: &[&str]) {
        for _ in 0..replicas {
            self.start(more);
        }
        for replica in &self.replicas {
            replica.ready().await;
        }
    }

    /// Ends every replica as an orderly shutdown does, and gives what each has logged.
    ///
    /// # Panics
    /// Where one has ended already.
    pub fn end(&mut self) -> Vec<Vec<Value>> {
        let replicas = self.replicas.drain(..);
        replicas.map(Serve::log_to_the_end).collect()
    }

    /// Where the API server calls it, in the words of its configuration.
    #[must_use]
    pub fn host(&self) -> String {
        format!("{NAME}.{NAMESPACE}.svc:{}", self.balancer.address.port())
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
        self.start_program(&binary(), more);
    }

    /// As [`Installation::start`], with another build of the binary.
    pub fn start_program(&mut self, program: &Path, more: &[&str]) {
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
        let replica = Serve::start_program(program, arguments.into_iter().chain(more));
        self.balancer.join(&replica);
        self.started += 1;
        self.replicas.push(replica);
    }

    /// Waits until a policy is in force in every replica. One that registers it has it first; another
    /// may be some moments behind.
    pub async fn in_force(&self, policy: &str) {
        let lists = |info: &str| {
            let info: Value = serde_json::from_str(info).unwrap_or_default();
            let mut policies = info["policies"].as_array().into_iter().flatten();
            policies.any(|listed| listed["name"] == policy)
        };
        for replica in &self.replicas {
            replica.until("/info", |_, info| lists(info)).await;
        }
    }

    /// Waits until the guard of revisions refuses, in an installation that was given
    /// [`guard_argument`].
    ///
    /// # Errors
    /// It never does.
    pub async fn guarded(&self) -> Result<()> {
        let binding = format!("{NAME}-revisions");
        let actions = [
            "get",
            "validatingadmissionpolicybinding",
            &binding,
            "--output=jsonpath={.spec.validationActions}",
        ];
        wait_for("the guard of revisions to refuse", async || {
            let told = self.plane.kubectl(actions).run().await?;
            Ok((told.stdout == r#"["Deny"]"#).then_some(()))
        })
        .await
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

/// The name of the Secret with its certificates.
#[must_use]
pub fn certificates() -> String {
    format!("{NAME}-certificates")
}

/// The name of the Secret with the path at which it is called.
#[must_use]
pub fn webhook_path() -> String {
    format!("{NAME}-webhook-path")
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

/// The argument that names the guard of revisions, as the installed Deployment has it.
///
/// # Errors
/// There is none.
pub fn guard_argument() -> Result<String> {
    let manifests = manifests()?;
    let lines = manifests
        .lines()
        .map(|line| line.trim().trim_start_matches("- "));
    let mut arguments = lines.filter(|line| line.starts_with("--revision-guard="));
    let argument = arguments.next().context("no guard in the manifests")?;
    Ok(argument.to_owned())
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

/// The path that a registration names.
#[must_use]
pub fn path_of(registered: &ValidatingWebhookConfiguration) -> Option<&str> {
    let webhook = registered.webhooks.iter().flatten().next()?;
    webhook.client_config.service.as_ref()?.path.as_deref()
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
