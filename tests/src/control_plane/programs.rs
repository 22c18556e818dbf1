//! The programs that make a control plane, and how each is called.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::access::Access;
use crate::keeper::{Kept, tail};

/// How the name of a folder begins that `tests/get-control-plane.sh` has filled.
const BUILT: &str = "control-plane-";

/// A folder that `tests/get-control-plane.sh` has filled, and how its programs find each other.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// Where the programs log and etcd keeps its data.
    work: PathBuf,
    etcd: u16,
    api_server: u16,
}

impl Programs {
    pub(super) fn new(work: &Path, etcd: u16, api_server: u16) -> Result<Self> {
        Ok(Self {
            folder: folder()?,
            work: work.to_owned(),
            etcd,
            api_server,
        })
    }

    /// Where the programs are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn etcd(&self) -> Result<Kept> {
        let clients = format!("http://127.0.0.1:{}", self.etcd);
        // Its only member talks to no other, so nothing needs to know that port.
        let peers = "http://127.0.0.1:0";
        self.start(
            "etcd",
            [
                option("data-dir", self.work.join("etcd")),
                option("listen-client-urls", &clients),
                option("advertise-client-urls", &clients),
                option("listen-peer-urls", peers),
                option("initial-advertise-peer-urls", peers),
                option("initial-cluster", format!("default={peers}")),
                "--unsafe-no-fsync".into(),
            ],
        )
    }

    pub(super) fn api_server(&self, access: &Access) -> Result<Kept> {
        let audit = self.work.join("audit-policy.yaml");
        fs::write(&audit, audit_policy())?;
        let shown = access
            .shown()
            .map(|path| option("admission-control-config-file", path));
        self.start(
            "kube-apiserver",
            shown.into_iter().chain([
                option("etcd-servers", format!("http://127.0.0.1:{}", self.etcd)),
                option("bind-address", "127.0.0.1"),
                option("advertise-address", "127.0.0.1"),
                // There are no Pods that would reach it by its Service.
                option("endpoint-reconciler-type", "none"),
                option("secure-port", self.api_server.to_string()),
                option("tls-cert-file", access.path("api-server.crt")),
                option("tls-private-key-file", access.path("api-server.key")),
                option("client-ca-file", access.path("ca.crt")),
                option("authorization-mode", "RBAC"),
                option("service-account-issuer", "https://kubernetes.default.svc"),
                option("service-account-key-file", access.path("tokens.pub")),
                option(
                    "service-account-signing-key-file",
                    access.path("tokens.key"),
                ),
                option("service-cluster-ip-range", "10.96.0.0/16"),
                // At its end it closes watches instead of waiting a minute for clients to do so.
                option("shutdown-watch-termination-grace-period", "1s"),
                option("audit-policy-file", audit),
                option("audit-log-path", self.audit_log()),
                option("audit-log-mode", "blocking"),
            ]),
        )
    }

    /// What the API server records of changes that webhooks may be asked about.
    pub(super) fn audit_log(&self) -> PathBuf {
        self.work.join("audit.jsonl")
    }

    pub(super) fn controller_manager(&self, access: &Access) -> Result<Kept> {
        self.start(
            "kube-controller-manager",
            [
                option("kubeconfig", access.kubeconfig("kube-controller-manager")),
                option("leader-elect", "false"),
                option("secure-port", "0"),
                option("use-service-account-credentials", "true"),
                option(
                    "service-account-private-key-file",
                    access.path("tokens.key"),
                ),
                option("root-ca-file", access.path("ca.crt")),
                // Tests wait for it, and benchmarks give it thousands of objects to go through.
                option("horizontal-pod-autoscaler-sync-period", "1s"),
                option("kube-api-qps", "500"),
                option("kube-api-burst", "1000"),
            ],
        )
    }

    pub(super) fn scheduler(&self, access: &Access) -> Result<Kept> {
        self.start(
            "kube-scheduler",
            [
                option("kubeconfig", access.kubeconfig("kube-scheduler")),
                option("leader-elect", "false"),
                option("secure-port", "0"),
            ],
        )
    }

    /// Kubelets that run nothing: kwok's own stages, and ours for Pods that fare badly.
    pub(super) fn kwok(&self, access: &Access) -> Result<Kept> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane/stages");
        let mut arguments = vec![
            option("kubeconfig", access.kubeconfig("admin")),
            option("manage-all-nodes", "true"),
        ];
        for folder in [self.folder.join("stages"), ours] {
            for stage in fs::read_dir(folder)? {
                arguments.push(option("config", stage?.path()));
            }
        }
        self.start("kwok", arguments)
    }

    /// The controller of Argo Rollouts, as the user of a kubeconfig.
    pub(super) fn argo_rollouts(&self, kubeconfig: &Path, ports: [u16; 2]) -> Result<Kept> {
        let [metrics, health] = ports;
        self.start(
            "rollouts-controller",
            [
                option("kubeconfig", kubeconfig),
                option("leader-elect", "false"),
                option("metricsPort", metrics.to_string()),
                option("healthzPort", health.to_string()),
            ],
        )
    }

    /// The last lines that each program has said.
    pub(super) fn last_words(&self) -> String {
        let logs = self.work.read_dir().into_iter().flatten().flatten();
        let logs = logs.map(|entry| entry.path());
        let logs = logs.filter(|path| path.extension() == Some("log".as_ref()));
        logs.map(|log| format!("{}:\n{}\n\n", log.display(), tail(&log)))
            .collect()
    }

    fn start(&self, name: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<Kept> {
        let log = self.work.join(name).with_extension("log");
        Kept::logged(&self.folder.join(name), arguments, &log)
    }
}

fn option(name: &str, value: impl Into<OsString>) -> OsString {
    let mut option = OsString::from(format!("--{name}="));
    option.push(value.into());
    option
}

/// Nothing but what changes workloads and Services; each with the annotations of webhooks.
fn audit_policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "Metadata",
                "verbs": ["create", "update", "patch"],
                "resources": [
                    { "group": "apps", "resources": ["deployments", "statefulsets", "daemonsets"] },
                    { "group": "argoproj.io", "resources": ["rollouts", "rollouts/status"] },
                    { "group": "", "resources": ["services"] },
                ],
            },
            { "level": "None" },
        ],
    })
    .to_string()
}

/// `$ROLLGATE_CONTROL_PLANE`, else what `tests/get-control-plane.sh` built.
pub(super) fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("ROLLGATE_CONTROL_PLANE") {
        let folder = PathBuf::from(folder);
        let found = folder.join("kube-apiserver").exists();
        ensure!(
            found,
            "ROLLGATE_CONTROL_PLANE={} has no kube-apiserver",
            folder.display()
        );
        return Ok(folder);
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools");
    let mut built = tools.read_dir().into_iter().flatten().flatten();
    built
        .find(|entry| entry.file_name().to_string_lossy().starts_with(BUILT))
        .map(|entry| entry.path())
        .context(
            "no control plane here: run tests/get-control-plane.sh, which needs Go, or set \
             ROLLGATE_CONTROL_PLANE to a folder that it has filled elsewhere",
        )
}
