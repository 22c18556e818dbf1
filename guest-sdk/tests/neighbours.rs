//! What checks see of the objects around a workload.

use rollgate_sdk::neighbours::{Neighbours, Seen};
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::Case;
use rollgate_sdk::{
    Failure, Finding, Findings, NoSettings, Outcome, SettingsError, Verdict, Workload,
    WorkloadCheck,
};

/// Finds every neighbour, as a finding whose message is its name.
struct Lists;

impl WorkloadCheck for Lists {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn check(&self, _: &Workload, _: &mut Findings) {}

    fn check_neighbours(
        &self,
        workload: &Workload,
        neighbours: &Neighbours,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let mut add = |rule: &str, name: &str| {
            findings.push(Finding::deny(rule, "", name).found(workload.name()));
        };
        if let Seen::Yes(services) = neighbours.services(workload)? {
            services.iter().for_each(|it| add("service", &it.name));
        }
        if let Seen::Yes(budgets) = neighbours.budgets(workload)? {
            budgets.iter().for_each(|it| add("budget", &it.name));
        }
        if let Seen::Yes(Some(scaler)) = neighbours.autoscaler(workload)? {
            add(
                "autoscaler",
                &format!("{} from {}", scaler.name, scaler.min_replicas),
            );
        }
        Ok(())
    }
}

fn shop() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "shop", "labels": {"of": "the-deployment"}},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop", "tier": "web"}},
                "spec": {"containers": [{"name": "web", "image": "shop:1"}]}
            }
        }
    })
}

fn object(api_version: &str, kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
    });
    object["spec"] = spec;
    object
}

fn service(name: &str, spec: Value) -> Value {
    object("v1", "Service", name, "shop", spec)
}

fn budget(name: &str, spec: Value) -> Value {
    object("policy/v1", "PodDisruptionBudget", name, "shop", spec)
}

/// Returns the rules and messages of the findings.
fn found(objects: Vec<Value>) -> Vec<(String, String)> {
    let case = Case::create(shop()).objects(objects);
    let verdict = case.evaluate::<Lists>().expect("judged");
    let findings = verdict.findings.into_iter();
    findings.map(|it| (it.rule, it.message)).collect()
}

fn names(objects: Vec<Value>) -> Vec<String> {
    found(objects).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn services_that_select_the_labels_of_the_template_are_neighbours() {
    let objects = vec![
        service("all", json!({"selector": {"app": "shop", "tier": "web"}})),
        service(
            "one",
            json!({"selector": {"app": "shop"}, "ports": [{"targetPort": "http"}]}),
        ),
        service("other-value", json!({"selector": {"app": "cart"}})),
        service(
            "other-label",
            json!({"selector": {"app": "shop", "track": "a"}}),
        ),
        service(
            "labels-of-the-object",
            json!({"selector": {"of": "the-deployment"}}),
        ),
        service("empty", json!({"selector": {}})),
        service("null", json!({"selector": null})),
        service(
            "external",
            json!({"type": "ExternalName", "selector": {"app": "shop"}}),
        ),
        object(
            "v1",
            "Service",
            "elsewhere",
            "bank",
            json!({"selector": {"app": "shop"}}),
        ),
    ];
    assert_eq!(names(objects), ["all", "one"]);
}

#[test]
fn budgets_select_by_every_form_of_a_selector() {
    let expression = |operator: &str, key: &str, values: &[&str]| {
        let one = json!({"key": key, "operator": operator, "values": values});
        json!({"selector": {"matchExpressions": [one]}})
    };
    let objects = vec![
        budget("a-empty", json!({"selector": {}})),
        budget(
            "b-labels",
            json!({"selector": {"matchLabels": {"app": "shop"}}}),
        ),
        budget("c-in", expression("In", "tier", &["db", "web"])),
        budget("d-not-in", expression("NotIn", "track", &["canary"])),
        budget("e-exists", expression("Exists", "app", &[])),
        budget("f-absent", expression("DoesNotExist", "track", &[])),
        budget("no-selector", json!({"minAvailable": 1})),
        budget("not-in-the-value", expression("NotIn", "tier", &["web"])),
        budget(
            "not-both",
            json!({"selector": {
                "matchLabels": {"app": "shop"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["db"]}],
            }}),
        ),
    ];
    let all = [
        "a-empty", "b-labels", "c-in", "d-not-in", "e-exists", "f-absent",
    ];
    assert_eq!(names(objects), all);
}

#[test]
fn autoscaler_is_found_by_kind_and_name_of_its_target() {
    let hpa = |name: &str, kind: &str, target: &str, min: Value| {
        let target = json!({"apiVersion": "apps/v1", "kind": kind, "name": target});
        let spec = json!({"scaleTargetRef": target, "minReplicas": min, "maxReplicas": 9});
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            name,
            "shop",
            spec,
        )
    };
    let keda = |spec: Value| object("keda.sh/v1alpha1", "ScaledObject", "keda", "shop", spec);
    let right = hpa("right", "Deployment", "shop", json!(3));
    let wrong = vec![
        hpa("kind", "StatefulSet", "shop", json!(3)),
        hpa("name", "Deployment", "cart", json!(3)),
    ];
    assert!(names(wrong.clone()).is_empty());
    assert_eq!(
        names([wrong, vec![right.clone()]].concat()),
        ["right from 3"]
    );
    let unset = hpa("unset", "Deployment", "shop", Value::Null);
    assert_eq!(names(vec![unset]), ["unset from 1"]);
    let scaled = keda(json!({"scaleTargetRef": {"name": "shop"}, "minReplicaCount": 2}));
    assert_eq!(names(vec![right, scaled]), ["keda from 2"]);
    let to_zero = keda(json!({"scaleTargetRef": {"name": "shop"}}));
    assert_eq!(names(vec![to_zero]), ["keda from 0"]);
}

#[test]
fn what_cannot_be_seen_is_evidence_and_no_empty_list() {
    for code in ["not-granted", "not-seen"] {
        let case = Case::create(shop())
            .objects([budget("all", json!({"selector": {}}))])
            .object_error("v1", "Service", code, "the manifests hold no Service");
        let verdict = case.evaluate::<Lists>().expect("judged");
        assert_eq!(verdict.findings.len(), 1, "{code}");
        let evidence = &verdict.evidence[0];
        assert_eq!(evidence.name, "Service", "{code}");
        let value = "not seen: the manifests hold no Service";
        assert_eq!(evidence.value, value, "{code}");
    }
}

#[test]
fn any_other_failure_of_a_read_is_a_failure_of_the_policy() {
    for code in ["timeout", "too-large", "forbidden", "limit", "unavailable"] {
        let case = Case::create(shop()).objects([]).object_error(
            "policy/v1",
            "PodDisruptionBudget",
            code,
            "no luck",
        );
        let failure = case.evaluate::<Lists>().expect_err(code);
        assert!(failure.message.contains("no luck"), "{failure:?}");
    }
    let malformed = service("bad", json!({"selector": ["app"]}));
    let failure = Case::create(shop())
        .objects([malformed])
        .evaluate::<Lists>();
    let failure = failure.expect_err("malformed");
    assert!(failure.message.contains("not as expected"), "{failure:?}");
}

#[test]
fn neighbour_that_the_old_object_had_too_is_an_existing_finding() {
    let mut old = shop();
    let all = service("all", json!({"selector": {"app": "shop"}}));
    let verdict = |old: Value| -> Verdict {
        let case = Case::update(old, shop()).objects([all.clone()]);
        case.evaluate::<Lists>().expect("judged")
    };
    old["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:0");
    assert_eq!(verdict(old.clone()).outcome, Outcome::Allow);
    old["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    assert_eq!(verdict(old).outcome, Outcome::Deny);
}
