//! The table of `selection.yaml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rollgate_model::{Kind, Operation, Request, Revisions, Rollout};
use rollgate_yaml as yaml;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Binding, Override, OverrideRequest, TemplateHash, Uses, select};
use crate::admission::{Caller, Writing};
use crate::config::{Action, Match, OnError, Policy, PolicyName, PolicySet, Refusal, State};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    #[serde(default = "probes")]
    blocked_by: Vec<String>,
    #[serde(default)]
    unknown_caller: bool,
    overrides: Vec<Row>,
    #[serde(default)]
    passed: Vec<String>,
    #[serde(default)]
    rejected: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    namespace: Option<String>,
    kind: Option<Kind>,
    workload: Option<String>,
    #[serde(default = "probes")]
    policies: Vec<String>,
    expires: Option<Timestamp>,
    #[serde(default)]
    users: BTreeSet<String>,
    #[serde(default)]
    images: BTreeSet<String>,
    template: Option<Which>,
    once: Option<Once>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    This,
    Other,
}

/// For one template, and bound to it where one stands here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Once {
    uid: Option<String>,
    template: Option<Which>,
}

fn probes() -> Vec<String> {
    vec!["probes".to_owned()]
}

#[test]
fn override_applies_only_to_the_workload_and_policies_it_names() {
    let cases: Vec<Case> = read(include_str!("selection.yaml"));
    assert!(cases.len() >= 26, "the table lost cases");
    let rollout = rollout(Operation::Update);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| failure(case, &rollout))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A retried creation has another UID.
#[test]
fn override_bound_to_an_object_does_not_apply_to_a_creation() {
    let rollout = rollout(Operation::Create);
    let with = |once: &str| {
        let text = format!("- case: a creation\n  overrides: [{{name: a, once: {once}}}]\n");
        let cases: Vec<Case> = read(&text);
        let (passed, _) = told(&cases[0], &rollout);
        passed
    };
    assert_eq!(with("{uid: u-1, template: this}"), [] as [&str; 0]);
    assert_eq!(with("{template: this}"), ["probes by a"]);
    assert_eq!(with("{}"), ["probes by a"]);
}

fn failure(case: &Case, rollout: &Rollout) -> Option<String> {
    let (passed, rejected) = told(case, rollout);
    let right = passed == case.passed && rejected == case.rejected;
    (!right).then(|| format!("- {}: {passed:?}, rejected {rejected:?}", case.case))
}

fn told(case: &Case, rollout: &Rollout) -> (Vec<String>, Vec<String>) {
    let overrides: Vec<_> = case
        .overrides
        .iter()
        .map(|row| Arc::new(row.read(rollout)))
        .collect();
    let blocked_by: Vec<_> = case
        .blocked_by
        .iter()
        .map(|name| PolicyName::cluster(name))
        .collect();
    let policies = policies();
    let caller = match case.unknown_caller {
        true => Caller::Unknown,
        false => Caller::Known,
    };
    let selection = select(
        &overrides,
        &OverrideRequest {
            rollout,
            now: "2026-11-27T10:00:00Z".parse().expect("an instant"),
            blocked_by: &blocked_by,
            policies: &policies,
            writing: Writing::of(caller, rollout),
        },
    );
    let passed = selection
        .passed
        .iter()
        .map(|(policy, one)| format!("{policy} by {}", one.name));
    let hashes = |text: String| {
        text.replace(&hash(Which::This, rollout).to_string(), "THIS")
            .replace(&hash(Which::Other, rollout).to_string(), "OTHER")
    };
    let rejected = selection
        .rejected
        .iter()
        .map(|one| hashes(format!("{}: {}", one.name, one.reason)));
    (passed.collect(), rejected.collect())
}

impl Row {
    fn read(&self, rollout: &Rollout) -> Override {
        let binding = |once: &Once| {
            Some(Binding {
                uid: once.uid.clone(),
                template: hash(once.template?, rollout),
                user: "ben".into(),
                at: "2026-11-27T09:00:00Z".parse().expect("an instant"),
            })
        };
        let uses = match &self.once {
            None => Uses::Any,
            Some(once) => Uses::OneTemplate(binding(once)),
        };
        Override {
            name: self.name.clone(),
            namespace: self.namespace.clone().unwrap_or_else(|| "shop".into()),
            kind: self.kind.unwrap_or(Kind::Deployment),
            workload: self.workload.clone().unwrap_or_else(|| "cart".into()),
            policies: self
                .policies
                .iter()
                .map(|name| PolicyName::cluster(name))
                .collect(),
            reason: "the shop is down".into(),
            expires: self
                .expires
                .unwrap_or_else(|| "2026-11-27T11:00:00Z".parse().expect("an instant")),
            users: self.users.clone(),
            images: self.images.clone(),
            template: self.template.map(|which| hash(which, rollout)),
            uses,
        }
    }
}

fn hash(which: Which, rollout: &Rollout) -> TemplateHash {
    TemplateHash::of(match which {
        Which::This => rollout.new().expect("an update"),
        Which::Other => return "0123456789abcdef0123456789abcdef".parse().expect("a hash"),
    })
}

fn policies() -> PolicySet {
    let policy = |name| Policy {
        name,
        matches: Match::default(),
        action: Action::Enforce,
        on_error: OnError::Deny,
        state: State::Refused(Refusal {
            cause: crate::config::RefusalCause::Load,
            problems: vec![],
        }),
        generation: None,
    };
    PolicySet::new(vec![
        policy(PolicyName::cluster("probes")),
        policy(PolicyName::cluster("freeze")),
        policy(PolicyName::namespaced("shop", "own")),
    ])
}

fn rollout(operation: Operation) -> Rollout {
    let new = cart("cart:2");
    let request = match operation {
        Operation::Update => Request::update(cart("cart:1"), new),
        _ => Request::create(new),
    };
    let request = Request {
        namespace: Some("shop".into()),
        user: "jo".into(),
        ..request
    };
    let classified = request.classify_with(&Revisions::Known(vec![]));
    let classified = classified.expect("a workload");
    classified.into_rollout().expect("a rollout")
}

fn cart(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1"},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

fn read(text: &str) -> Vec<Case> {
    let mut documents = yaml::read(text.as_bytes());
    let document = documents.remove(0).expect("YAML");
    document.read().expect("cases")
}
