//! A real Kubernetes control plane on loopback, thrown away after: etcd, the API server, the
//! controller manager, the scheduler, and kwok in the place of nodes and kubelets.
//!
//! Pods become ready as soon as they are scheduled. The label `tests.rollgate.dev/pod` makes one
//! fare worse: `never-ready`, `ready-late` or `crash-loop`.

mod access;
mod argo;
mod programs;
mod readiness;
mod tool;
mod waiting;
mod webhook;

use std::ffi::OsStr;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use kube::Client;
use kube::api::{Api, PostParams};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use self::access::Access;
pub use self::argo::ArgoRollouts;
use self::programs::Programs;
pub use self::tool::{Output, Tool};
pub use self::waiting::wait_for;
pub use self::webhook::Webhook;
use crate::certificate::Pair;
use crate::keeper::{Kept, KeptFolder};

/// The control plane that the tests of a file share, in the hands of one of them: a server of rollgate
/// follows all namespaces, and writes the status of every policy and override.
#[derive(Debug)]
pub struct Turn {
    plane: &'static ControlPlane,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        self.plane
    }
}

/// A running control plane. Its programs end, and its files go, when this is dropped or the process
/// is gone.
#[derive(Debug)]
pub struct ControlPlane {
    access: Access,
    programs: Programs,
    // In the order in which they end: nothing complains of one that it needs.
    api_server: Mutex<Kept>,
    others: Vec<Kept>,
    _etcd: Kept,
    folder: KeptFolder,
}

impl ControlPlane {
    /// Starts one, and waits until Pods can run.
    ///
    /// # Errors
    /// It is not built, or a program does not come up; with its last words.
    pub async fn start() -> Result<Self> {
        let folder = KeptFolder::new("rollgate-control-plane-")?;
        let (for_etcd, for_api_server) = (free_port()?, free_port()?);
        let access = Access::new(folder.path(), for_api_server)?;
        let programs = Programs::new(folder.path(), for_etcd, for_api_server)?;
        let etcd = programs.etcd()?;
        let mut api_server = programs.api_server(&access)?;
        let started = readiness::api_server(&access, &mut api_server).await;
        started.with_context(|| programs.last_words())?;
        let mut others = vec![
            programs.controller_manager(&access)?,
            programs.scheduler(&access)?,
            programs.kwok(&access)?,
        ];
        let started = readiness::pods(&access, &mut others).await;
        started.with_context(|| programs.last_words())?;
        Ok(Self {
            access,
            programs,
            api_server: Mutex::new(api_server),
            others,
            _etcd: etcd,
            folder,
        })
    }

    /// The one that all tests of a file share; it ends with the process. What tests put outside
    /// namespaces of their own, the others see.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        let start = async || {
            Self::start()
                .await
                .unwrap_or_else(|error| panic!("{error:?}"))
        };
        SHARED.get_or_init(start).await
    }

    /// As [`ControlPlane::shared`], for a test with servers of rollgate: waits until no other test has
    /// some. They must end before the turn does.
    ///
    /// # Panics
    /// As there.
    pub async fn turn() -> Turn {
        static TURN: Mutex<()> = Mutex::const_new(());
        let alone = TURN.lock().await;
        Turn {
            plane: Self::shared().await,
            _alone: alone,
        }
    }

    /// The kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.access.kubeconfig("admin")
    }

    /// An administrator's client, for the runtime of the caller.
    ///
    /// # Errors
    /// There is no such runtime.
    pub async fn client(&self) -> Result<Client> {
        self.client_of(&self.kubeconfig()).await
    }

    /// The client of another kubeconfig's user, for the runtime of the caller.
    ///
    /// # Errors
    /// It is none.
    pub async fn client_of(&self, kubeconfig: &Path) -> Result<Client> {
        access::client(kubeconfig).await
    }

    /// The kubeconfig of a user with these groups besides `system:authenticated`. Nothing is
    /// allowed to them before a RoleBinding says so.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        let mut groups = groups.to_vec();
        groups.push("system:authenticated");
        self.access.on_behalf_of(name, &groups)
    }

    /// The kubeconfig of a service account, made where it is missing, with a token of an hour.
    ///
    /// # Errors
    /// The API server refuses it.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        if accounts.get_opt(name).await?.is_none() {
            let account = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
            accounts.create(&PostParams::default(), &account).await?;
        }
        let spec = TokenRequestSpec {
            expiration_seconds: Some(3600),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec: Some(spec),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await?;
        let token = answer.status.and_then(|status| status.token);
        let token = token.context("the API server gave no token")?;
        self.access
            .with_token(&format!("{namespace}.{name}"), &token)
    }

    /// A new namespace that no other test has, where Pods can run at once.
    ///
    /// # Errors
    /// The API server refuses it.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        static MADE: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{prefix}-{}", MADE.fetch_add(1, Ordering::Relaxed));
        let client = self.client().await?;
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        let namespaces = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &name);
        wait_for("the service account of new Pods", async || {
            Ok(accounts.get_opt("default").await?)
        })
        .await?;
        Ok(name)
    }

    /// Makes a Service that leads to whatever listens on this machine, at the port that a client
    /// names: how the API server reaches a webhook that is no Pod.
    ///
    /// # Errors
    /// The API server refuses it.
    pub async fn service_to_here(&self, namespace: &str, name: &str) -> Result<()> {
        let service = serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "type": "ExternalName", "externalName": "localhost" },
        }))?;
        let services: Api<Service> = Api::namespaced(self.client().await?, namespace);
        services.create(&PostParams::default(), &service).await?;
        Ok(())
    }

    /// A call of kubectl as administrator.
    #[must_use]
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Tool {
        self.tool("kubectl").args(arguments)
    }

    /// A call of Helm as administrator.
    #[must_use]
    pub fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Tool {
        self.tool("helm").args(arguments)
    }

    /// Installs the CRDs of Argo Rollouts, without its controller.
    ///
    /// # Errors
    /// The API server refuses them.
    pub async fn install_argo_crds(&self) -> Result<()> {
        let crds = self.programs.folder().join("crds");
        // Too large for the annotation of a client-side apply.
        let apply = ["apply", "--server-side", "--filename"];
        self.kubectl(apply).arg(&crds).ok().await?;
        let established = ["wait", "--for=condition=Established", "--filename"];
        self.kubectl(established).arg(&crds).ok().await?;
        Ok(())
    }

    /// Ends the API server as an upgrade does (SIGTERM), starts it anew at the same address, and
    /// waits until it is ready.
    ///
    /// # Errors
    /// It does not come up again; with its last words.
    pub async fn restart_api_server(&self) -> Result<()> {
        let mut api_server = self.api_server.lock().await;
        api_server.signal(Signal::TERM)?;
        api_server.end().await?;
        *api_server = self.programs.api_server(&self.access)?;
        let started = readiness::api_server(&self.access, &mut api_server).await;
        started.with_context(|| self.programs.last_words())
    }

    /// Has the API server show this certificate to the webhook at `host`, which is
    /// `NAME.NAMESPACE.svc` with the port where that is not 443. It is restarted for that.
    ///
    /// # Errors
    /// As [`ControlPlane::restart_api_server`].
    pub async fn show_certificate(&self, host: &str, pair: &Pair) -> Result<()> {
        self.access.show(host, pair)?;
        self.restart_api_server().await
    }

    /// What the API server's `/metrics` says.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn metrics(&self) -> Result<String> {
        access::get(&self.client().await?, "/metrics").await
    }

    /// The API server's audit events of changes to workloads and Services, oldest first; with the
    /// annotations of webhooks.
    ///
    /// # Errors
    /// There are none yet.
    pub fn audit(&self) -> Result<Vec<Value>> {
        let log = std::fs::read_to_string(self.programs.audit_log())?;
        log.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    /// The folder with kubectl and Helm.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.programs.folder()
    }

    /// The process ids of its programs.
    pub async fn processes(&self) -> Vec<u32> {
        let api_server = self.api_server.lock().await.id();
        let others = self.others.iter().chain([&self._etcd]);
        others.map(Kept::id).chain([api_server]).collect()
    }

    fn tool(&self, name: &str) -> Tool {
        Tool::new(
            self.programs.folder(),
            name,
            &self.kubeconfig(),
            self.folder.path(),
        )
    }
}

/// A port that is free, and that this process has not given out before. It is below those that the
/// system gives to clients, so that none of them takes it while the program that it is meant for is
/// on its way, or starts again.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Elsewhere for each process, so that two at once seldom try the same.
    let first = 10_000 + (std::process::id() % 2_000) as u16 * 10;
    (0..1_000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .context("there is no free port on loopback")
}
