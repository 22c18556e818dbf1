//! The control plane of the other tests: that it is one, that it asks webhooks as in production, and
//! that nothing of it stays behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::Result;
use rollgate_tests::balancer::Balancer;
use rollgate_tests::cart::{careful, careless};
use rollgate_tests::certificate::{Authority, Pair};
use rollgate_tests::control_plane::{ControlPlane, Webhook, wait_for};
use rollgate_tests::files::Files;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Every Deployment needs a readiness probe.
const PROBES: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: probes}
spec: {module: {builtin: probes}, action: Enforce, settings: {}}
";

#[tokio::test]
#[ignore = "make test"]
async fn deployment_becomes_available() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    let cart = careless("cart:1").to_string();
    plane.kubectl(apply).input(cart).ok().await?;
    rolled_out(plane, &shop).await
}

#[tokio::test]
#[ignore = "make test"]
async fn pod_that_is_never_ready_stalls_its_rollout() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let mut cart = careless("cart:1");
    cart["spec"]["replicas"] = json!(3);
    cart["spec"]["template"]["metadata"]["labels"]["tests.rollgate.dev/pod"] = json!("never-ready");
    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    plane.kubectl(apply).input(cart.to_string()).ok().await?;
    let running = "{.items[*].status.phase}";
    let get = ["get", "pods", "--namespace", &shop, "--output", "jsonpath"];
    wait_for("three Pods that run", async || {
        let phases = plane.kubectl(get).arg(format!("--template={running}"));
        Ok((phases.ok().await? == "Running Running Running").then_some(()))
    })
    .await?;
    let status = ["rollout", "status", "deployment/cart", "--namespace", &shop];
    let late = plane.kubectl(status).arg("--timeout=1s").refused().await?;
    assert!(late.contains("timed out"), "{late}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn api_server_calls_rollgate_and_kubectl_shows_its_message() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let (system, shop) = (
        plane.namespace("gate").await?,
        plane.namespace("shop").await?,
    );
    let files = Files::named(&format!("gate.{system}.svc"));
    files.policy(PROBES);
    let server = files.serve(&[]);
    server.ready().await;
    let balancer = Balancer::start(&[&server]);
    let webhook = Webhook {
        namespace: &system,
        service: "gate",
        port: balancer.address.port(),
        path: "/admit",
        ca: &files.authority.pem,
    };
    webhook.register(plane, only(&shop)).await?;

    let apply = ["apply", "--namespace", &shop, "--filename=-"];
    let refused = wait_for("the API server to ask", async || {
        let try_it = plane.kubectl(apply).arg("--dry-run=server");
        let bad = careless("cart:1").to_string();
        Ok(Some(try_it.input(bad).refused().await?))
    })
    .await?;
    let refused = refused.replace(&system, "gate").replace(&shop, "shop");
    insta::assert_snapshot!(refused);
    let good = careful("cart:1").to_string();
    plane.kubectl(apply).input(good).ok().await?;
    rolled_out(plane, &shop).await?;
    let set_image = ["set", "image", "deployment/cart", "main=cart:2"];
    let set_image = plane.kubectl(set_image).args(["--namespace", &shop]);
    set_image.ok().await?;
    rolled_out(plane, &shop).await?;

    let (_, metrics) = server.get("/metrics").await;
    let passed = "rollgate_decisions_total{policy=\"probes\",verdict=\"allow\",change=\"roll-forward\",kind=\"Deployment\"} 1";
    assert!(metrics.contains(passed), "{metrics}");
    let rejected = format!(
        "apiserver_admission_webhook_rejection_count{{error_type=\"no_error\",name=\"{system}.rollgate.dev\",operation=\"CREATE\",rejection_code=\"403\",type=\"validating\"}} 1\n"
    );
    assert!(plane.metrics().await?.contains(&rejected));
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn a_service_is_called_by_http_1_with_its_name_and_the_timeout() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let (system, shop) = (
        plane.namespace("gate").await?,
        plane.namespace("shop").await?,
    );
    let authority = Authority::new();
    let name = format!("gate.{system}.svc");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let call = tokio::spawn(first_call(listener, authority.server(&[&name])));
    let webhook = Webhook {
        namespace: &system,
        service: "gate",
        port,
        path: "/admit",
        ca: &authority.pem,
    };
    webhook.register(plane, only(&shop)).await?;
    wait_for("the API server to ask", async || {
        let create = ["create", "deployment", "cart", "--image=cart:1"];
        let create = plane.kubectl(create).args(["--namespace", &shop]);
        create.arg("--dry-run=server").run().await?;
        Ok(call.is_finished().then_some(()))
    })
    .await?;
    let (asked_for, head) = call.await??;
    assert_eq!(asked_for.as_deref(), Some(name.as_str()));
    assert!(
        head.starts_with("POST /admit?timeout=5s HTTP/1.1\r\n"),
        "{head}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn api_server_can_be_restarted() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let before = plane.processes().await;
    plane.restart_api_server().await?;
    let after = plane.processes().await;
    assert_eq!(before.iter().filter(|id| !after.contains(id)).count(), 1);
    plane.kubectl(["get", "node", "node-0"]).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn control_plane_ends_with_its_parent_and_leaves_no_files() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let processes = plane.processes().await;
    let folder = plane.kubeconfig().parent().map(PathBuf::from);
    let folder = folder.expect("it is a file of the control plane");
    assert_eq!(processes.len(), 5);
    drop(plane);
    let left = processes
        .iter()
        .map(|id| PathBuf::from(format!("/proc/{id}")));
    let left: Vec<_> = left.filter(|path| path.exists()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn make_cluster_leaves_nothing_behind_when_killed() -> Result<()> {
    let mut cluster = Command::new(env!("CARGO_BIN_EXE_cluster"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = BufReader::new(cluster.stdout.take().expect("it is piped"));
    let lines = stdout.lines().map_while(Result::ok);
    let mut named =
        lines.filter_map(|line| Some(line.split_once("export KUBECONFIG=")?.1.to_owned()));
    let kubeconfig = PathBuf::from(named.next().expect("it names a kubeconfig"));
    assert!(kubeconfig.exists());
    let running = descendants(cluster.id())?;
    let programs = [
        "etcd",
        "kube-apiserver",
        "kube-controller",
        "kube-scheduler",
        "kwok",
        "rollgate",
    ];
    for program in programs {
        assert!(
            running.iter().any(|process| process.name == program),
            "{program}: {running:?}"
        );
    }
    cluster.kill()?;
    cluster.wait()?;
    wait_for("the end of every process", async || {
        let left = running.iter().any(|process| process.path.exists());
        Ok((!left && !kubeconfig.exists()).then_some(()))
    })
    .await
}

/// A process, as `/proc` has it.
#[derive(Debug)]
struct Process {
    path: PathBuf,
    id: u32,
    /// Up to 15 characters.
    name: String,
    parent: u32,
}

/// All that a process has started, and what that has started.
fn descendants(root: u32) -> Result<Vec<Process>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let mut others: Vec<Process> = entries.filter_map(|entry| process(entry.path())).collect();
    let mut found: Vec<Process> = Vec::new();
    loop {
        let known = |process: &Process| {
            process.parent == root || found.iter().any(|one| one.id == process.parent)
        };
        let (new, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(known);
        if new.is_empty() {
            return Ok(found);
        }
        found.extend(new);
        others = rest;
    }
}

fn process(path: PathBuf) -> Option<Process> {
    let id = path.file_name()?.to_str()?.parse().ok()?;
    // `ID (NAME) STATE PARENT ...`, see proc_pid_stat(5).
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    let (head, tail) = stat.rsplit_once(") ")?;
    Some(Process {
        id,
        name: head.split_once(" (")?.1.to_owned(),
        parent: tail.split(' ').nth(1)?.parse().ok()?,
        path,
    })
}

/// Selects one namespace.
fn only(namespace: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } })
}

async fn rolled_out(plane: &ControlPlane, namespace: &str) -> Result<()> {
    let status = ["rollout", "status", "deployment/cart", "--namespace"];
    let status = plane.kubectl(status).args([namespace, "--timeout=60s"]);
    let said = status.ok().await?;
    assert!(said.ends_with("successfully rolled out\n"), "{said}");
    Ok(())
}

/// The name that the first client asked for, and the head of its request; no answer is given.
async fn first_call(listener: TcpListener, pair: Pair) -> Result<(Option<String>, String)> {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (stream, _) = listener.accept().await?;
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let asked_for = stream.get_ref().1.server_name().map(str::to_owned);
    Ok((asked_for, String::from_utf8(head)?))
}
