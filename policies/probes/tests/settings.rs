//! Valid and invalid settings.

use rollgate_policy_probes::Probes;
use rollgate_policy_probes::rules::{Level, Rule};
use rollgate_policy_probes::settings::Settings;
use rollgate_sdk::rules::Rules;
use rollgate_sdk::{Existing, WorkloadCheck, serde_json};

fn read(json: &str) -> Result<Settings, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// Returns the error of building the policy from valid JSON.
fn refusal(json: &str) -> String {
    let settings = read(json).expect("the settings can be read");
    Probes::new(settings)
        .err()
        .expect("the settings are refused")
        .to_string()
}

#[test]
fn empty_settings_are_valid() {
    let settings = read("{}").expect("everything has a default");
    assert_eq!(settings.level(Rule::ReadinessMissing, "web"), Level::Deny);
    assert_eq!(settings.level(Rule::LivenessMissing, "web"), Level::Warn);
    assert_eq!(settings.existing, Existing::Warn);
}

#[test]
fn exception_without_rules_applies_to_all_rules() {
    let settings = read(r#"{"exceptions": [{"container": "istio-*"}]}"#).expect("readable");
    for &rule in Rule::ALL {
        assert_eq!(settings.level(rule, "istio-proxy"), Level::Ignore);
        assert_ne!(settings.level(rule, "web"), Level::Ignore);
    }
}

#[test]
fn unknown_rule_is_refused_with_the_known_ones() {
    let error = read(r#"{"rules": {"liveness-mising": "warn"}}"#).expect_err("a typo");
    assert!(
        error.contains("liveness-mising") && error.contains("liveness-missing"),
        "{error}"
    );
}

#[test]
fn unknown_level_is_refused_with_the_known_ones() {
    let error = read(r#"{"rules": {"liveness-missing": "error"}}"#).expect_err("no level");
    assert!(
        error.contains("`deny`, `warn`, `info`, `ignore`"),
        "{error}"
    );
}

#[test]
fn exception_that_matches_nothing_is_refused() {
    let error = refusal(r#"{"exceptions": [{"container": "a"}, {"container": ""}]}"#);
    assert!(error.starts_with("/exceptions/1/container: "), "{error}");
}

#[test]
fn heavy_command_with_a_folder_is_refused() {
    let error = refusal(r#"{"limits": {"heavyCommands": ["/usr/bin/check"]}}"#);
    assert!(error.starts_with("/limits/heavyCommands/0: "), "{error}");
}

#[test]
fn exception_that_matches_no_or_every_container_is_refused() {
    let refused = |container: &str| {
        refusal(&format!(
            r#"{{"exceptions": [{{"container": "{container}"}}]}}"#
        ))
    };
    for name in [
        "*-proxy",
        "istio-*-proxy",
        "Web",
        "shop/web",
        "-web",
        "web_1",
    ] {
        assert!(
            refused(name).contains("no container can be named"),
            "{name}"
        );
    }
    assert!(refused("*").contains("would find nothing"));
    let named = r#"{"exceptions": [{"container": "*", "rules": ["liveness-missing"]}]}"#;
    assert!(Probes::new(read(named).expect("readable")).is_ok());
}

#[test]
fn limits_that_nothing_can_break_are_refused() {
    for limits in [
        r#"{"execPeriodSeconds": 1, "heavyExecPeriodSeconds": 1}"#,
        r#"{"execPeriodSeconds": 0, "heavyExecPeriodSeconds": 0}"#,
    ] {
        let error = refusal(&format!(r#"{{"limits": {limits}}}"#));
        assert!(
            error.starts_with("/limits/heavyExecPeriodSeconds: "),
            "{error}"
        );
    }
    let heavy_only = r#"{"limits": {"execPeriodSeconds": 1, "heavyExecPeriodSeconds": 30}}"#;
    assert!(Probes::new(read(heavy_only).expect("readable")).is_ok());
}
