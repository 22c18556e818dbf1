//! Misbehaving policies in every command that runs policies: the command ends in time and reports each
//! policy. `misbehaving_serve.rs` tests the same of `serve`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rollgate_tests::cart;
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::misdeeds::{self, CONTRADICTIONS, EITHER, SOUND, Scope};
use rollgate_tests::server::binary;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far more than the limits of all policies together, for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder of policies, and a workload that all of them match.
struct Trial {
    folder: TempDir,
    /// Accepts connections and answers none.
    _stalled: TcpListener,
}

/// The result of a command.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Trial {
    fn new() -> Result<Self> {
        let (folder, stalled) = (TempDir::new()?, TcpListener::bind("127.0.0.1:0")?);
        let trial = Self {
            folder,
            _stalled: stalled,
        };
        for name in ["policies", "manifests", "scenarios"] {
            fs::create_dir(trial.path(name))?;
        }
        let address = trial._stalled.local_addr()?;
        misdeeds::write(&trial.path("policies"), address, Scope::Everywhere);
        let manifest = cart::careful("cart:2").to_string();
        fs::write(trial.path("manifests").join("cart.yaml"), manifest)?;
        for name in misdeeds::names().chain(["probes"]) {
            let file = trial.path("scenarios").join(format!("{name}.yaml"));
            fs::write(file, scenario(name).to_string())?;
        }
        Ok(trial)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program until it ends.
    fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let file = |name: &str| File::create(self.path(name));
        let mut program = Command::new(binary())
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .stdin(Stdio::null())
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .spawn()?;
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = program.try_wait()? {
                break status;
            }
            if Instant::now() > until {
                program.kill()?;
                bail!("{arguments:?} still runs after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(20));
        };
        Ok(Ended {
            code: status.code().unwrap_or(-1),
            stdout: fs::read_to_string(self.path("stdout"))?,
            stderr: fs::read_to_string(self.path("stderr"))?,
        })
    }
}

#[test]
fn check_ends_in_time_and_reports_each_policy_that_failed() -> Result<()> {
    let trial = Trial::new()?;
    let check = ["check", "manifests", "--policies", "policies", "-o", "json"];
    for more in [&[][..], &["--record", "record.yaml"]] {
        let ended = trial.run(&[&check[..], more].concat())?;
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert_all_failed(&said(&ended)?);
    }
    let recorded = fs::read_to_string(trial.path("record.yaml"))?;
    assert!(recorded.contains("kind: Scenario"), "{recorded}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn check_of_a_cluster_ends_in_time_and_reports_each_policy_that_failed() -> Result<()> {
    let trial = Trial::new()?;
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let apply = plane.kubectl(["create", "--namespace", &shop, "--filename=-"]);
    let deployment = cart::careful("cart:1").to_string();
    apply.input(deployment).ok().await?;
    let kubeconfig = plane.kubeconfig();
    let ended = trial.run(&[
        "check",
        "--cluster",
        "--policies",
        "policies",
        "-o",
        "json",
        "--namespace",
        &shop,
        "--kubeconfig",
        utf8(&kubeconfig)?,
    ])?;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("computed for more than"),
        "{}",
        ended.stdout
    );
    Ok(())
}

#[test]
fn test_ends_in_time_and_fails_each_scenario_of_a_policy_that_fails() -> Result<()> {
    let trial = Trial::new()?;
    let ended = trial.run(&["test", "scenarios", "--policies", "policies"])?;
    assert_ne!(ended.code, 0, "{}", ended.stdout);
    for name in misdeeds::names().filter(|name| !EITHER.contains(name)) {
        let passed = SOUND.contains(&name);
        let line = line_of(&ended.stdout, name);
        assert_eq!(line.ends_with(" ok"), passed, "{line}");
    }
    Ok(())
}

#[test]
fn inspect_ends_in_time_on_each_module() -> Result<()> {
    let trial = Trial::new()?;
    let describes = [
        "one-string-many-times",
        "speaks-another-language",
        "no-room-for-a-snapshot",
    ];
    for name in misdeeds::modules().into_keys() {
        let file = format!("policies/{name}.wasm");
        let ended = trial.run(&["inspect", &file])?;
        assert_eq!(
            ended.code == 0,
            describes.contains(&name),
            "{name}: {}",
            ended.stderr
        );
    }
    let looping = "policies/loop-in-describe.wasm";
    let ended = trial.run(&["inspect", looping])?;
    assert!(
        ended.stderr.contains("computed for more than"),
        "{}",
        ended.stderr
    );
    Ok(())
}

/// Returns the result of each policy for the one workload, from the JSON report.
fn said(ended: &Ended) -> Result<BTreeMap<String, String>> {
    let report: Value = serde_json::from_str(&ended.stdout).context(ended.stderr.clone())?;
    let [workload] = &report["workloads"].as_array().context("workloads")?[..] else {
        bail!("not one workload: {report}");
    };
    let policies = workload["policies"].as_array().context("policies")?;
    let said = policies.iter().map(|policy| {
        let word = |field: &str| policy[field].as_str().unwrap_or_default().to_owned();
        (word("policy"), word("said"))
    });
    Ok(said.collect())
}

fn assert_all_failed(said: &BTreeMap<String, String>) {
    let counts_as: BTreeMap<_, _> = CONTRADICTIONS.into();
    for name in misdeeds::names().filter(|name| !EITHER.contains(name)) {
        let sound = if SOUND.contains(&name) {
            "allow"
        } else {
            "error"
        };
        let expected = *counts_as.get(name).unwrap_or(&sound);
        assert_eq!(said.get(name).map(String::as_str), Some(expected), "{name}");
    }
    assert_eq!(said["probes"], "allow");
}

/// A scenario that passes if the policy allows the rollout.
fn scenario(policy: &str) -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": { "name": format!("case of {policy}") },
        "policy": policy,
        "now": "2026-03-02T10:00:00Z",
        "new": cart::careful("cart:2"),
        "expect": { "outcome": "allow" },
    })
}

fn line_of<'a>(report: &'a str, name: &str) -> &'a str {
    let begins = format!("scenario scenarios/{name}.yaml ...");
    let mut lines = report.lines();
    lines
        .find(|line| line.starts_with(&begins))
        .unwrap_or_else(|| panic!("no line begins with `{begins}` in:\n{report}"))
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not UTF-8")
}
