//! Policies become active while others are still being loaded, and nothing that should deny is missing
//! meanwhile.

use std::fs;
use std::process::Command;

use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::files::{Files, ask};
use rollgate_tests::misdeeds;
use rollgate_tests::server::{Serve, binary};
use serde_json::Value;

/// A module that takes five seconds until it is refused, because it loops in `describe`; large enough to
/// count as one with a language's runtime.
fn slow() -> Vec<u8> {
    let looping = misdeeds::modules().remove("loop-in-describe").flatten();
    let mut module = looping.expect("a module that loops");
    let size = 2_u32 << 20;
    // A custom section without a name.
    module.push(0);
    let mut length = size;
    while length >= 0x80 {
        module.push(0x80 | u8::try_from(length & 0x7f).expect("seven bits"));
        length >>= 7;
    }
    module.push(u8::try_from(length).expect("seven bits"));
    module.extend(vec![0; size as usize]);
    module
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n"
    )
}

struct Site(Files);

impl Site {
    fn new() -> Self {
        let files = Files::new();
        let site = Self(files);
        site.policy("quick", "module: {builtin: probes}");
        site.policy("freeze", FREEZE);
        site.compile();
        fs::remove_file(site.0.policies().join("freeze.yaml")).expect("it is ours");
        site.0.put("slow.wasm", &slow());
        site
    }

    fn policy(&self, name: &str, spec: &str) {
        let text = policy(name, spec);
        self.0.put(&format!("{name}.yaml"), text.as_bytes());
    }

    /// Fills the cache, so that only the slow module takes long.
    fn compile(&self) {
        let compiled = Command::new(binary())
            .arg("compile")
            .arg(self.0.policies())
            .arg("--cache")
            .arg(binary().with_file_name("serve-cache"))
            .status();
        assert!(compiled.expect("it runs").success());
    }

    fn serve(&self) -> Serve {
        self.0.serve(&["--drain-delay", "0s"])
    }

    async fn answer(&self, server: &Serve) -> Value {
        let review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
        ask(&self.0.client(), server, &review).await
    }
}

const SLOW: &str = "module: {file: slow.wasm}";
const FREEZE: &str = "module: {builtin: time-window}\n  settings: {timeZone: UTC, deny: [{yearly: {from: 01-01, to: 12-31}}]}";

/// The state of each policy in `/info`.
fn states(info: &str) -> Vec<(String, String)> {
    let info: Value = serde_json::from_str(info).expect("JSON");
    let policies = info["policies"].as_array().expect("a list").iter();
    let word = |policy: &Value, field: &str| policy[field].as_str().expect("a text").to_owned();
    policies
        .map(|policy| (word(policy, "name"), word(policy, "state")))
        .collect()
}

fn is(states: &[(String, String)], name: &str, state: &str) -> bool {
    states.contains(&(name.to_owned(), state.to_owned()))
}

#[tokio::test]
async fn start_is_not_ready_while_a_policy_that_enforces_is_being_loaded() {
    let site = Site::new();
    site.policy("slow", SLOW);
    let server = site.serve();
    let info = server
        .until("/info", |_, info| is(&states(info), "quick", "ready"))
        .await;
    assert!(is(&states(&info), "slow", "loading"), "{info}");
    let (status, missing) = server.get("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(missing.trim(), "1 policies are being loaded: slow");
    let metrics = server.get("/metrics").await.1;
    assert!(
        metrics.contains("rollgate_policies{state=\"loading\"} 1"),
        "{metrics}"
    );
    server.ready().await;
    let info = server.get("/info").await.1;
    assert!(is(&states(&info), "slow", "refused"), "{info}");
}

#[tokio::test]
async fn start_is_ready_while_a_policy_that_only_warns_is_being_loaded() {
    let site = Site::new();
    site.policy("slow", &format!("{SLOW}\n  action: Warn"));
    let server = site.serve();
    server.ready().await;
    let info = server.get("/info").await.1;
    assert!(is(&states(&info), "slow", "loading"), "{info}");
    let answer = site.answer(&server).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
}

#[tokio::test]
async fn new_policy_has_no_effect_while_it_is_being_loaded_and_the_server_stays_ready() {
    let site = Site::new();
    let server = site.serve();
    server.ready().await;
    site.policy("slow", SLOW);
    server
        .until("/info", |_, info| is(&states(info), "slow", "loading"))
        .await;
    let answer = site.answer(&server).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    assert_eq!(server.get("/readyz").await.0, 200);
    server
        .until("/info", |_, info| is(&states(info), "slow", "refused"))
        .await;
}

#[tokio::test]
async fn version_before_the_change_stays_active_while_the_new_one_is_being_loaded() {
    let site = Site::new();
    site.policy("changing", "module: {builtin: probes}");
    let server = site.serve();
    server.ready().await;
    site.policy("changing", SLOW);
    site.policy("marker", SLOW);
    let info = server
        .until("/info", |_, info| is(&states(info), "marker", "loading"))
        .await;
    assert!(is(&states(&info), "changing", "ready"), "{info}");
    server
        .until("/info", |_, info| is(&states(info), "changing", "refused"))
        .await;
}

/// As if it were renamed: between the two names nothing passes.
#[tokio::test]
async fn removed_policy_stays_active_while_a_new_one_is_being_loaded() {
    let site = Site::new();
    site.policy("old", FREEZE);
    let server = site.serve();
    server.ready().await;
    fs::remove_file(site.0.policies().join("old.yaml")).expect("it is ours");
    site.policy("renamed", SLOW);
    let info = server
        .until("/info", |_, info| is(&states(info), "renamed", "loading"))
        .await;
    assert!(is(&states(&info), "old", "ready"), "{info}");
    let answer = site.answer(&server).await;
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    server
        .until("/info", |_, info| is(&states(info), "renamed", "refused"))
        .await;
    let info = server.get("/info").await.1;
    assert!(!info.contains("\"old\""), "{info}");
}

#[tokio::test]
async fn change_does_not_wait_for_another_policy_that_is_being_loaded() {
    let site = Site::new();
    site.policy("slow", SLOW);
    let server = site.serve();
    server
        .until("/info", |_, info| is(&states(info), "slow", "loading"))
        .await;
    site.policy("freeze", FREEZE);
    let info = server
        .until("/info", |_, info| is(&states(info), "freeze", "ready"))
        .await;
    assert!(is(&states(&info), "slow", "loading"), "{info}");
}
