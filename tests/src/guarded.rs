//! A namespace that rollgate guards: processes of rollgate that are members of the cluster, with
//! policies from files, registered by hand.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::balancer::Balancer;
use crate::certificate::Authority;
use crate::control_plane::{ControlPlane, Tool, Turn, Webhook, wait_for};
use crate::files::Files;
use crate::server::Serve;

/// The secret path at which a replica answers; it is registered by hand.
const SECRET: &str = "thepaththatteststellthekubeapiserver";

/// By what replicas know the API server.
#[derive(Clone, Copy, Debug)]
pub enum Knowing<'a> {
    /// It calls a secret path.
    ByPath,
    /// It shows a certificate that this authority signed.
    ByCertificate(&'a Authority),
    /// They do not.
    Not,
}

impl Knowing<'_> {
    fn path(self) -> String {
        match self {
            Self::ByPath => format!("/admit/{SECRET}"),
            Self::ByCertificate(_) | Self::Not => "/admit".to_owned(),
        }
    }

    fn argument(self, files: &Files) -> Option<String> {
        match self {
            Self::ByPath => Some(format!("--path-secret={}", files.beside("path", SECRET))),
            Self::ByCertificate(clients) => Some(format!(
                "--client-ca={}",
                files.beside("clients.crt", &clients.pem)
            )),
            Self::Not => None,
        }
    }
}

/// A guarded namespace, one at a time on the tests' control plane.
#[derive(Debug)]
pub struct Guarded {
    /// The processes of rollgate.
    pub servers: Vec<Serve>,
    /// The namespace that it guards.
    pub namespace: String,
    files: Files,
    balancer: Balancer,
    system: String,
    path: String,
    /// The control plane. The last field: the servers end before another test has its turn.
    pub plane: Turn,
}

impl Guarded {
    /// Guards a new namespace of the tests' control plane by so many replicas and these policies.
    ///
    /// # Errors
    /// Something of it does not come up.
    pub async fn start(replicas: usize, policies: &str) -> Result<Self> {
        let plane = ControlPlane::turn().await;
        let namespace = plane.namespace("shop").await?;
        Self::new(plane, None, namespace, replicas, policies).await
    }

    /// As [`Guarded::start`], by one replica that knows the API server otherwise than by a secret path.
    ///
    /// # Errors
    /// As there.
    pub async fn start_knowing(knowing: Knowing<'_>, policies: &str) -> Result<Self> {
        let plane = ControlPlane::turn().await;
        let namespace = plane.namespace("shop").await?;
        Self::all(plane, None, namespace, 1, policies, knowing).await
    }

    /// As [`Guarded::start`], where rollgate may do no more than the user of a kubeconfig of the
    /// tests' control plane.
    ///
    /// # Errors
    /// As there.
    pub async fn start_as(kubeconfig: &Path, replicas: usize, policies: &str) -> Result<Self> {
        let plane = ControlPlane::turn().await;
        let namespace = plane.namespace("shop").await?;
        Self::new(plane, Some(kubeconfig), namespace, replicas, policies).await
    }

    /// Guards a namespace that is there already, by one replica.
    ///
    /// # Errors
    /// As [`Guarded::start`].
    pub async fn over(namespace: &str, policies: &str) -> Result<Self> {
        let plane = ControlPlane::turn().await;
        Self::new(plane, None, namespace.to_owned(), 1, policies).await
    }

    /// As [`Guarded::over`], with the rights of [`Guarded::start_as`].
    ///
    /// # Errors
    /// As there.
    pub async fn over_as(kubeconfig: &Path, namespace: &str, policies: &str) -> Result<Self> {
        let plane = ControlPlane::turn().await;
        Self::new(plane, Some(kubeconfig), namespace.to_owned(), 1, policies).await
    }

    /// By default rollgate has the rights of an administrator.
    async fn new(
        plane: Turn,
        kubeconfig: Option<&Path>,
        namespace: String,
        replicas: usize,
        policies: &str,
    ) -> Result<Self> {
        let knowing = Knowing::ByPath;
        Self::all(plane, kubeconfig, namespace, replicas, policies, knowing).await
    }

    async fn all(
        plane: Turn,
        kubeconfig: Option<&Path>,
        namespace: String,
        replicas: usize,
        policies: &str,
        knowing: Knowing<'_>,
    ) -> Result<Self> {
        let administrator = plane.kubeconfig();
        let kubeconfig = kubeconfig.unwrap_or(&administrator);
        let crds = ["apply", "--server-side", "--filename"];
        plane.kubectl(crds).arg(crds_folder()).ok().await?;
        let established = ["wait", "--for=condition=Established", "--filename"];
        plane.kubectl(established).arg(crds_folder()).ok().await?;
        let system = plane.namespace("gate").await?;
        let files = Files::named(&format!("gate.{system}.svc"));
        files.policy(policies);
        let servers: Vec<_> = (0..replicas)
            .map(|index| replica(kubeconfig, &files, &system, index, knowing))
            .collect();
        for server in &servers {
            server.ready().await;
        }
        let balancer = Balancer::start(&servers.iter().collect::<Vec<_>>());
        let guarded = Self {
            servers,
            namespace,
            files,
            balancer,
            system,
            path: knowing.path(),
            plane,
        };
        if let Knowing::ByCertificate(clients) = knowing {
            let shown = clients.user("api-server", None);
            let host = guarded.host();
            guarded.plane.show_certificate(&host, &shown).await?;
        }
        guarded.register().await?;
        Ok(guarded)
    }

    /// A call of kubectl in the guarded namespace.
    #[must_use]
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Tool {
        let here = ["--namespace", &self.namespace];
        self.plane.kubectl(here).args(arguments)
    }

    /// What kubectl printed, with the names that every run has for itself replaced: the namespace is
    /// `shop`.
    #[must_use]
    pub fn plain(&self, text: &str) -> String {
        text.replace(&self.namespace, "shop")
            .replace(&self.webhook(), "gate.rollgate.dev")
    }

    /// Sends a review to one of the processes, past the API server.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&self, replica: usize, review: &Value) -> Result<Value> {
        let response = self.post(replica, &self.path, review).await?;
        Ok(serde_json::from_str(&response.text().await?)?)
    }

    /// Sends a review to one of the processes at some path, as anyone may who reaches the port.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn post(
        &self,
        replica: usize,
        path: &str,
        review: &Value,
    ) -> Result<reqwest::Response> {
        let name = format!("gate.{}.svc", self.system);
        let address = self.servers[replica].webhook;
        let ca = reqwest::Certificate::from_pem(self.files.authority.pem.as_bytes())?;
        let client = reqwest::Client::builder()
            .tls_certs_only([ca])
            .resolve(&name, address)
            .build()?;
        let url = format!("https://{name}:{}{path}?timeout=10s", address.port());
        let request = client.post(url).header("content-type", "application/json");
        Ok(request.body(review.to_string()).send().await?)
    }

    /// Where the API server calls, in the words of its configuration.
    fn host(&self) -> String {
        format!("gate.{}.svc:{}", self.system, self.balancer.address.port())
    }

    fn webhook(&self) -> String {
        format!("{}.rollgate.dev", self.system)
    }

    /// Has the API server ask about the namespace, and waits until it does.
    async fn register(&self) -> Result<()> {
        let webhook = Webhook {
            namespace: &self.system,
            service: "gate",
            port: self.balancer.address.port(),
            path: &self.path,
            ca: &self.files.authority.pem,
        };
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": self.namespace } });
        webhook.register(&self.plane, here).await?;
        wait_for("the API server to ask", async || {
            let create = ["create", "deployment", "asked", "--image=none"];
            self.kubectl(create).arg("--dry-run=server").run().await?;
            let mut asked = false;
            for server in &self.servers {
                let (_, metrics) = server.get("/metrics").await;
                asked |= metrics.contains("\nrollgate_reviews_total{");
            }
            Ok(asked.then_some(()))
        })
        .await
    }
}

fn replica(
    kubeconfig: &Path,
    files: &Files,
    system: &str,
    index: usize,
    knowing: Knowing<'_>,
) -> Serve {
    let identity = format!("gate-{index}");
    let known_by = knowing.argument(files);
    let arguments = [
        "--cluster",
        "--kubeconfig",
        kubeconfig.to_str().expect("a temporary folder is text"),
        "--installation",
        "gate",
        "--namespace",
        system,
        "--identity",
        &identity,
    ];
    let arguments = arguments.into_iter().chain(known_by.as_deref());
    files.serve(&arguments.collect::<Vec<_>>())
}

fn crds_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    workspace
        .expect("the crate lies in a workspace")
        .join("deploy/chart/files/crds")
}
