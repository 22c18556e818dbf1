//! The fake host, as authors of policies use it.

use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::{Case, configure, run_folder};
use rollgate_sdk::{
    Change, Failure, Finding, Kind, Policy, Role, Rollout, SettingsError, Verdict, clock, cluster,
    metrics,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Does what its settings say.
struct Puppet(Settings);

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Act {
    Time,
    Metric,
    Object,
    Panic,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(default)]
    while_built: Option<Act>,
    #[serde(default)]
    judging: Option<Act>,
}

impl Policy for Puppet {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.while_built.map(act);
        Ok(Self(settings))
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        assert_eq!(rollout.change(), Change::Create);
        let found = self.0.judging.map(act).transpose()?.unwrap_or_default();
        Ok(
            Verdict::allow()
                .with_finding(Finding::info("found", "", "what was found").found(found)),
        )
    }
}

fn act(act: Act) -> Result<String, Failure> {
    match act {
        Act::Time => Ok(clock::now().to_string()),
        Act::Metric => Ok(format!(
            "{:?}",
            metrics::query("main", "up")?
                .iter()
                .map(|s| s.value)
                .collect::<Vec<_>>()
        )),
        Act::Object => Ok(cluster::get::<Value>("v1", "Namespace", "", "shop")?.to_string()),
        Act::Panic => panic!("on purpose"),
    }
}

fn create() -> Case {
    Case::create(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {
                    "initContainers": [
                        {"name": "first", "image": "x:1"},
                        {"name": "beside", "image": "x:1", "restartPolicy": "Always"}
                    ],
                    "containers": [{
                        "name": "web", "image": "x:1",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"limits": {"memory": "1Gi"}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}}
                    }]
                }
            }
        }
    }))
}

fn judging(act: &str) -> Case {
    create().settings(json!({"judging": act}))
}

fn found(case: Case) -> Result<String, Failure> {
    let verdict = case.evaluate::<Puppet>()?;
    Ok(verdict.findings[0].found.clone().unwrap_or_default())
}

/// Returns the message of the panic of `run`.
fn panic_of(run: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = std::panic::catch_unwind(run).expect_err("a panic");
    payload
        .downcast_ref::<String>()
        .expect("with a message")
        .clone()
}

#[test]
fn case_answers_host_calls() {
    assert_eq!(
        found(judging("time").now("2026-03-01T10:00:00Z")),
        Ok("2026-03-01T10:00:00Z".to_owned())
    );
    let measured = judging("metric")
        .now("2026-03-01T10:00:00Z")
        .metric("main", "up", &[1.0, 0.5]);
    assert_eq!(found(measured), Ok("[1.0, 0.5]".to_owned()));
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    assert_eq!(
        found(judging("object").objects([object.clone()])),
        Ok(object.to_string())
    );
}

#[test]
fn unavailable_source_is_a_failure_of_the_policy() {
    let down = judging("metric")
        .now("2026-03-01T10:00:00Z")
        .metric_unavailable("main", "up", "no route");
    assert_eq!(found(down), Err(Failure::source("no route")));
    let none = judging("object").objects([]);
    assert_eq!(found(none).expect_err("a failure").code, "source");
}

#[test]
fn unanswered_call_fails_the_test_with_the_lines_to_add() {
    let message = panic_of(|| drop(found(judging("time"))));
    assert!(
        message.ends_with("Add to the scenario:\nnow: \"2026-01-01T12:00:00Z\""),
        "{message}"
    );
    let message = panic_of(|| drop(found(judging("metric").now("2026-03-01T10:00:00Z"))));
    assert!(
        message.contains("source: main") && message.contains("query: up"),
        "{message}"
    );
    let message = panic_of(|| drop(found(judging("object"))));
    assert!(
        message.contains("kind: Namespace") && message.contains("name: shop"),
        "{message}"
    );
}

#[test]
fn call_in_new_fails_as_in_the_host() {
    for (act, call) in [
        ("time", "clock.now"),
        ("metric", "metrics.query"),
        ("object", "cluster.get"),
    ] {
        let case = create()
            .now("2026-03-01T10:00:00Z")
            .settings(json!({"whileBuilt": act}));
        let message = panic_of(|| drop(case.evaluate::<Puppet>()));
        assert!(
            message.starts_with(&format!("the policy calls `{call}` in `configure`")),
            "{message}"
        );
    }
}

#[test]
fn panic_of_the_policy_is_reported() {
    let message = panic_of(|| drop(judging("panic").evaluate::<Puppet>()));
    assert_eq!(message, "the policy crashed: on purpose");
}

#[test]
fn invalid_settings_are_returned_as_an_error() {
    let error = configure::<Puppet>(json!({"jugding": "time"}))
        .err()
        .expect("refused");
    assert_eq!(
        error,
        SettingsError::at(
            "/jugding",
            "there is no field `jugding` here; did you mean `judging`?"
        )
    );
}

#[test]
fn folder_without_scenarios_fails() {
    let message = panic_of(|| run_folder::<Puppet>(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    assert!(message.contains("has no scenario"), "{message}");
}

#[test]
fn every_failing_scenario_of_a_folder_is_reported() {
    let message =
        panic_of(|| run_folder::<Puppet>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios")));
    assert!(!message.contains("right.yaml"), "{message}");
    for part in [
        "wrong-outcome.yaml: the policy did not answer as expected\n  outcome\n    - deny\n    + allow",
        "expects-nothing.yaml: the scenario has no `expect`",
        "no-scenario.yaml: ",
        "no-time.yaml: the scenario does not say what time it is",
    ] {
        assert!(
            message.contains(part),
            "{part}\n--- is not in ---\n{message}"
        );
    }
}

/// Reads a workload through everything that the SDK adds to its records.
struct Looks;

impl Policy for Looks {
    type Settings = rollgate_sdk::NoSettings;

    fn new(_: Self::Settings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let workload = rollout.new().expect("a new side");
        assert!(rollout.old().is_none());
        assert_eq!(
            (workload.kind(), &*workload.name()),
            (Kind::Deployment, "shop")
        );
        let roles: Vec<_> = workload
            .containers()
            .map(|c| (c.name.clone(), c.role()))
            .collect();
        let role = |name: &str, role| (name.to_owned(), role);
        assert_eq!(
            roles,
            [
                role("web", Role::Main),
                role("first", Role::Init),
                role("beside", Role::Sidecar)
            ]
        );
        assert_eq!(
            workload
                .long_running()
                .map(|c| c.name.clone())
                .collect::<Vec<_>>(),
            ["web", "beside"]
        );

        let web = workload.container("web").expect("a container");
        let probe = web.readiness_probe.as_ref().expect("a probe");
        let rollgate_sdk::Handler::HttpGet(get) = &probe.handler else {
            panic!("another handler")
        };
        assert_eq!(web.port_number(&get.port), Some(8080));
        assert_eq!(web.port_number(&"9090".to_owned().into_port()), Some(9090));
        assert_eq!(web.port_number(&"grpc".to_owned().into_port()), None);
        assert_eq!(
            (web.limit("memory"), web.request("cpu")),
            (Some("1Gi"), None)
        );
        assert_eq!(
            web.path_to("/readinessProbe/httpGet/port"),
            web.path_to("readinessProbe/httpGet/port")
        );
        assert_eq!(
            workload
                .json(&web.path_to("readinessProbe/httpGet/port"))
                .as_deref(),
            Some("\"http\"")
        );
        assert_eq!(
            workload
                .read::<Vec<u8>>("/spec/nothing")
                .expect("nothing to misread"),
            None
        );
        assert!(workload.read::<u8>("/metadata/name").is_err());
        Ok(Verdict::allow())
    }
}

trait IntoPort {
    fn into_port(self) -> rollgate_sdk::IntOrString;
}

impl IntoPort for String {
    fn into_port(self) -> rollgate_sdk::IntOrString {
        rollgate_sdk::IntOrString::Text(self)
    }
}

#[test]
fn workload_has_defaults_roles_and_named_ports() {
    assert_eq!(create().evaluate::<Looks>(), Ok(Verdict::allow()));
}
