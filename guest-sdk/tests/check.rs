//! Static checks distinguish new findings from existing ones.

use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::Case;
use rollgate_sdk::{
    Existing, Finding, Findings, Outcome, SettingsError, Severity, Verdict, Workload, WorkloadCheck,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Finds mistakes in places of every kind.
struct Picky(Existing);

#[derive(Deserialize, JsonSchema)]
struct Settings {
    #[serde(default)]
    existing: Existing,
}

impl WorkloadCheck for Picky {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings.existing))
    }

    fn existing(&self) -> Existing {
        self.0
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        for container in workload.containers() {
            if !container.image.contains(':') {
                let path = container.path_to("image");
                findings.push(Finding::deny("tag", path, "no tag").found(&container.image));
            }
            for (index, variable) in container.env().iter().enumerate() {
                if variable.value.is_some() {
                    let path = container.path_to(&format!("env/{index}/value"));
                    findings.push(Finding::deny("inline", path, "an inline value"));
                }
            }
            for (index, argument) in container.args.iter().enumerate() {
                if argument.starts_with("-X") {
                    let path = container.path_to(&format!("args/{index}"));
                    findings.push(Finding::hold("flag", path, "a flag").found(argument));
                }
            }
        }
        for key in ["team", "owner"] {
            if workload.label(key).is_none() {
                findings.push(Finding::deny("label", workload.label_path(key), "no label"));
            }
        }
    }
}

fn deployment(labels: &Value, containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": containers}}
        }
    })
}

fn labelled(containers: &Value) -> Value {
    deployment(&json!({"team": "a", "owner": "b"}), containers)
}

fn judge(old: Value, new: Value) -> Verdict {
    Case::update(old, new).evaluate::<Picky>().expect("judged")
}

fn existing(verdict: &Verdict) -> Vec<(&str, bool)> {
    verdict
        .findings
        .iter()
        .map(|finding| (&*finding.path, finding.existing))
        .collect()
}

#[test]
fn every_finding_of_a_create_is_new() {
    let verdict = Case::create(labelled(&json!([{"name": "a", "image": "x"}])))
        .evaluate::<Picky>()
        .expect("judged");
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert!(!verdict.findings[0].existing);
}

#[test]
fn fault_that_a_rollback_brought_back_is_new() {
    let faulty = |image: &str| {
        labelled(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": image}]))
    };
    let sound = labelled(&json!([{"name": "b", "image": "b:2"}]));
    let case = || Case::update(faulty("b:1"), faulty("b:3"));
    let verdict = |case: Case| case.evaluate::<Picky>().expect("judged");
    assert_eq!(verdict(case()).outcome, Outcome::Allow);
    assert_eq!(verdict(case().baseline(sound)).outcome, Outcome::Deny);
    assert_eq!(verdict(case().without_baseline()).outcome, Outcome::Deny);
    assert_eq!(
        verdict(case().baseline(faulty("b:2"))).outcome,
        Outcome::Allow
    );
}

#[test]
fn fault_that_a_rollback_removed_is_new() {
    let faulty = |image: &str| {
        labelled(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": image}]))
    };
    let sound = labelled(&json!([{"name": "b", "image": "b:1"}]));
    let case = Case::update(sound, faulty("b:3")).baseline(faulty("b:2"));
    let verdict = case.evaluate::<Picky>().expect("judged");
    assert_eq!(verdict.outcome, Outcome::Deny);
}

#[test]
fn delete_has_no_findings() {
    let verdict = Case::delete(labelled(&json!([{"name": "a", "image": "x"}]))).evaluate::<Picky>();
    assert_eq!(verdict, Ok(Verdict::allow()));
}

#[test]
fn existing_finding_becomes_a_warning() {
    let old = labelled(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": "b:1"}]));
    let new = labelled(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": "b:2"}]));
    let verdict = judge(old, new);
    assert_eq!(verdict.outcome, Outcome::Allow);
    assert_eq!(verdict.findings[0].severity, Severity::Warn);
    assert_eq!(
        existing(&verdict),
        [("/spec/template/spec/containers/0/image", true)]
    );
}

#[test]
fn operators_can_deny_or_ignore_existing_findings() {
    let old = labelled(&json!([{"name": "a", "image": "x"}]));
    let new = labelled(&json!([{"name": "a", "image": "x", "tty": true}]));
    let judge = |existing: &str| {
        let case = Case::update(old.clone(), new.clone()).settings(json!({"existing": existing}));
        case.evaluate::<Picky>().expect("judged")
    };
    assert_eq!(judge("deny").outcome, Outcome::Deny);
    assert!(judge("deny").findings[0].existing);
    assert_eq!(judge("ignore"), Verdict::allow());
    assert_eq!(judge("warn").outcome, Outcome::Allow);
}

#[test]
fn reordered_containers_and_variables_introduce_nothing() {
    let bad = json!({"name": "a", "image": "x", "env": [{"name": "P", "value": "1"}]});
    let old = labelled(&json!([bad, {"name": "b", "image": "b:1"}]));
    let worse = json!({"name": "a", "image": "x", "env": [
        {"name": "Q", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "P", "value": "1"}
    ]});
    let new = labelled(&json!([{"name": "b", "image": "b:1"}, worse]));
    let verdict = judge(old, new);
    assert_eq!(
        existing(&verdict),
        [
            ("/spec/template/spec/containers/1/image", true),
            ("/spec/template/spec/containers/1/env/1/value", true)
        ]
    );
    assert_eq!(verdict.outcome, Outcome::Allow);
}

#[test]
fn another_mistake_in_the_same_place_is_new() {
    let old = labelled(&json!([{"name": "a", "image": "x"}]));
    let new = labelled(&json!([{"name": "a", "image": "y"}]));
    assert_eq!(
        existing(&judge(old, new)),
        [("/spec/template/spec/containers/0/image", false)]
    );
}

#[test]
fn same_mistake_in_another_container_is_new() {
    let old = labelled(&json!([{"name": "a", "image": "x"}, {"name": "b", "image": "b:1"}]));
    let new = labelled(&json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "x"}]));
    let verdict = judge(old, new);
    assert_eq!(
        existing(&verdict),
        [("/spec/template/spec/containers/1/image", false)]
    );
    assert_eq!(verdict.outcome, Outcome::Deny);
}

#[test]
fn another_variable_in_the_same_position_is_new() {
    let old =
        labelled(&json!([{"name": "a", "image": "a:1", "env": [{"name": "P", "value": "1"}]}]));
    let new =
        labelled(&json!([{"name": "a", "image": "a:1", "env": [{"name": "Q", "value": "1"}]}]));
    assert_eq!(
        existing(&judge(old, new)),
        [("/spec/template/spec/containers/0/env/0/value", false)]
    );
}

#[test]
fn missing_label_does_not_excuse_another() {
    let old = deployment(
        &json!({"team": "a"}),
        &json!([{"name": "a", "image": "a:1"}]),
    );
    let new = deployment(
        &json!({"owner": "b"}),
        &json!([{"name": "a", "image": "a:2"}]),
    );
    assert_eq!(
        existing(&judge(old, new)),
        [("/metadata/labels/team", false)]
    );
}

#[test]
fn repeated_mistake_is_new_once() {
    let old = labelled(&json!([{"name": "a", "image": "a:1", "args": ["-Xa"]}]));
    let new = labelled(&json!([{"name": "a", "image": "a:1", "args": ["-v", "-Xa", "-Xa"]}]));
    let verdict = judge(old, new);
    let mut marks: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| finding.existing)
        .collect();
    marks.sort_unstable();
    assert_eq!(marks, [false, true]);
    assert_eq!(verdict.outcome, Outcome::Hold(None));
}
