//! The fields of a workload that policies read, and the errors for malformed ones.

use std::fs;
use std::path::Path;

use rollgate_model::{Kind, ShapeError, Workload};
use rollgate_yaml as yaml;
use serde_json::{Value, json};

fn rich() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workload/rich.yaml");
    let mut documents = yaml::read(&fs::read(path).expect("the file can be read"));
    documents.remove(0).expect("the file is YAML").tree
}

fn parse(tree: Value) -> Workload {
    Workload::parse(tree, Some("shop")).expect("the object has the shape of its kind")
}

/// Returns the error for the object with another value at a pointer.
fn refused(pointer: &str, value: Value) -> String {
    let mut tree = rich();
    *tree.pointer_mut(pointer).expect("it stands in the file") = value;
    Workload::parse(tree, None)
        .expect_err("the shape is wrong")
        .to_string()
}

#[test]
fn metadata_and_spec_are_parsed() {
    let workload = parse(rich());
    let pairs = |pairs: &[(String, String)]| format!("{pairs:?}");
    assert_eq!(
        (workload.kind(), workload.api_version()),
        (Kind::Deployment, "apps/v1")
    );
    assert_eq!((workload.name(), workload.namespace()), ("cart-", "shop"));
    assert_eq!(
        pairs(workload.labels()),
        r#"[("app", "cart"), ("team", "shop")]"#
    );
    assert_eq!(
        pairs(workload.annotations()),
        r#"[("a/note", "one"), ("b/note", "two")]"#
    );
    assert_eq!(pairs(workload.pod_labels()), r#"[("app", "cart")]"#);
    assert_eq!(pairs(workload.pod_annotations()), r#"[("x", "set")]"#);
    assert_eq!(
        pairs(workload.selector()),
        r#"[("app", "cart"), ("tier", "front")]"#
    );
    assert_eq!(
        (workload.replicas(), workload.min_ready_seconds()),
        (Some(3), 5)
    );
    assert_eq!(
        (workload.progress_deadline_seconds(), workload.paused()),
        (Some(600), true)
    );
    insta::assert_debug_snapshot!(
        "workload-strategy-and-pod",
        (workload.strategy(), workload.pod())
    );
}

#[test]
fn containers_have_their_roles() {
    insta::assert_debug_snapshot!("workload-containers", parse(rich()).containers());
}

#[test]
fn container_details_are_read_by_index() {
    let workload = parse(rich());
    let (cart, proxy, none) = (0, 3, 4);
    insta::assert_debug_snapshot!(
        "workload-details",
        (
            workload.env(cart),
            workload.env_from(cart),
            workload.volume_mounts(cart),
            workload.volume_devices(cart),
            workload.security_context(proxy),
        )
    );
    assert!(workload.env(none).is_empty(), "there is no such container");
    assert_eq!(workload.security_context(cart), None, "none is set");
}

#[test]
fn any_field_is_read_by_its_pointer_with_defaults() {
    let workload = parse(rich());
    assert_eq!(
        workload.json("/spec/template/spec/restartPolicy"),
        Some(&json!("Always").into())
    );
    assert_eq!(
        workload.json("/metadata/annotations/a~1note"),
        Some(&json!("one").into())
    );
    assert_eq!(workload.json(""), Some(workload.tree()));
    assert_eq!(workload.json("/spec/nothing"), None);
    assert_eq!(workload.json("spec"), None, "no pointer");
    let null = "/spec/template/spec/containers/0/env/3/valueFrom";
    assert_eq!(workload.json(null), None, "an explicit null is nothing");
}

#[test]
fn namespace_of_the_object_precedes_that_of_the_request() {
    let mut tree = rich();
    tree["metadata"]["namespace"] = json!("own");
    assert_eq!(parse(tree).namespace(), "own");
    assert_eq!(
        Workload::parse(rich(), None)
            .expect("it has its shape")
            .namespace(),
        ""
    );
}

#[test]
fn service_has_a_selector_and_no_template() {
    let service = parse(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "replicas": "none of its fields"},
    }));
    assert_eq!(service.selector(), [("app".to_owned(), "web".to_owned())]);
    assert_eq!(
        (service.replicas(), service.strategy(), service.pod()),
        (None, None, None)
    );
    assert!(service.containers().is_empty());
}

#[test]
fn strategy_of_an_argo_rollout_is_the_field_that_is_set() {
    let rollout = |strategy: Value| {
        parse(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"},
            "spec": {"workloadRef": {"name": "web"}, "strategy": strategy},
        }))
    };
    let kind = |workload: &Workload| workload.strategy().map(|strategy| strategy.kind.clone());
    assert_eq!(
        kind(&rollout(json!({"canary": {}}))).as_deref(),
        Some("Canary")
    );
    assert_eq!(
        kind(&rollout(json!({"canary": null, "blueGreen": {}}))).as_deref(),
        Some("BlueGreen")
    );
    assert_eq!(kind(&rollout(json!({}))), None);
    assert!(
        rollout(json!({})).containers().is_empty(),
        "its template stands in another object"
    );
}

#[test]
fn scale_is_parsed_as_the_scaled_workload() {
    let tree = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "db"}, "spec": {}});
    let scale =
        Workload::parse_scale(Kind::StatefulSet, tree, Some("shop")).expect("it has its shape");
    assert_eq!(
        (scale.kind(), scale.name(), scale.namespace()),
        (Kind::StatefulSet, "db", "shop")
    );
    assert_eq!(scale.replicas(), Some(0), "left out means none");
    assert_eq!(scale.pod(), None);
}

#[test]
fn wrong_type_is_reported_with_its_pointer_and_value() {
    let cases = [
        (
            "/spec/replicas",
            json!("3"),
            r#"/spec/replicas: expected a whole number, found the string "3""#,
        ),
        (
            "/spec/replicas",
            json!(1.5),
            "/spec/replicas: expected a whole number of 64 bits, found the number 1.5",
        ),
        (
            "/spec/minReadySeconds",
            json!(2_147_483_648_i64),
            "/spec/minReadySeconds: expected a whole number of 32 bits, found the number 2147483648",
        ),
        (
            "/spec/paused",
            json!("yes"),
            r#"/spec/paused: expected true or false, found the string "yes""#,
        ),
        (
            "/metadata/labels/app",
            json!(1.0),
            "/metadata/labels/app: expected a string (put it in quotes), found the number 1.0",
        ),
        (
            "/metadata/annotations/a~1note",
            json!({}),
            "/metadata/annotations/a~1note: expected a string, found an object",
        ),
        (
            "/spec/template/spec/containers/0/args/1",
            json!(80),
            "/spec/template/spec/containers/0/args/1: expected a string (put it in quotes), found the number 80",
        ),
        (
            "/spec/template/spec/containers/0",
            Value::Null,
            "/spec/template/spec/containers/0: expected a container, found nothing",
        ),
        (
            "/spec/template/spec/containers/0/resources/limits/memory",
            json!([]),
            "/spec/template/spec/containers/0/resources/limits/memory: expected a quantity such as `250m` or `64Mi`, \
             found a list",
        ),
        (
            "/spec/strategy/rollingUpdate/maxSurge",
            json!(true),
            "/spec/strategy/rollingUpdate/maxSurge: expected a whole number or a string, found true",
        ),
        (
            "/spec/template/spec/containers/0/envFrom/1",
            json!({"prefix": "P"}),
            "/spec/template/spec/containers/0/envFrom/1: expected a `configMapRef` or a `secretRef`, found an object",
        ),
        (
            "/metadata",
            json!("x".repeat(99)),
            "/metadata: expected an object, found a string",
        ),
    ];
    for (pointer, value, message) in cases {
        assert_eq!(refused(pointer, value), message);
    }
}

#[test]
fn error_about_a_variable_hides_its_value() {
    let env = "/spec/template/spec/containers/0/env/0/value";
    let message = refused(env, json!(31_337));
    assert_eq!(
        message,
        format!("{env}: expected a string (put it in quotes), found a number")
    );
}

#[test]
fn other_kinds_are_refused() {
    let refused = |tree: Value| Workload::parse(tree, None).expect_err("it is no workload");
    let wrong = |expected: &str, pointer: &str, found: &str| ShapeError::Wrong {
        pointer: pointer.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    assert_eq!(refused(Value::Null), wrong("an object", "", "nothing"));
    assert_eq!(refused(json!([1])), wrong("an object", "", "a list"));
    assert_eq!(
        refused(json!({"kind": "Deployment"})),
        wrong("a string", "/apiVersion", "nothing")
    );
    assert_eq!(
        refused(json!({"apiVersion": "v1"})),
        wrong("a string", "/kind", "nothing")
    );
    let other = ShapeError::OtherKind {
        api_version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
    };
    assert_eq!(
        refused(json!({"apiVersion": "v1", "kind": "Deployment"})),
        other
    );
    let old = ShapeError::NoLongerServed {
        api_version: "apps/v1beta2".to_owned(),
        kind: Kind::DaemonSet,
    };
    assert_eq!(
        refused(json!({"apiVersion": "apps/v1beta2", "kind": "DaemonSet"})),
        old
    );
}
