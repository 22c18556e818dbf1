//! Recordings contain no secrets.

use rollgate_model::scenario::Redactor;
use serde_json::{Value, json};

fn redacted(mut value: Value) -> Value {
    Redactor::default().redact(&mut value);
    value
}

fn pod(variables: &Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": [{ "name": "a", "env": variables }] } } } })
}

#[test]
fn values_of_variables_are_redacted_in_every_template() {
    let secret = json!([
        { "name": "PASSWORD", "value": "hunter2" },
        { "name": "EMPTY", "value": "" },
        { "name": "FROM", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } },
    ]);
    let told = redacted(json!({
        "deployment": pod(&secret),
        "list": { "kind": "List", "items": [{ "kind": "Pod", "spec": { "initContainers": [{ "env": secret }] } }] },
    }));
    assert!(!told.to_string().contains("hunter2"), "{told}");
    let variables = &told["list"]["items"][0]["spec"]["initContainers"][0]["env"];
    let expected = json!([
        { "name": "PASSWORD", "value": "redacted-1" },
        { "name": "EMPTY", "value": "" },
        { "name": "FROM", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } },
    ]);
    assert_eq!(variables, &expected);
}

#[test]
fn redaction_preserves_which_variables_changed() {
    let mut redactor = Redactor::default();
    let [mut old, mut same, mut new] =
        ["one", "one", "two"].map(|value| pod(&json!([{ "name": "PASSWORD", "value": value }])));
    for side in [&mut old, &mut same, &mut new] {
        redactor.redact(side);
    }
    assert_eq!(old, same);
    assert_ne!(old, new);
}

#[test]
fn data_of_a_secret_is_redacted() {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "db" },
        "data": { "password": "aHVudGVyMg==" },
        "stringData": { "user": "ada" },
        "type": "Opaque",
    });
    let told = redacted(secret);
    assert_eq!(told["data"], json!({ "password": "redacted-1" }));
    assert_eq!(told["stringData"], json!({ "user": "redacted-2" }));
    assert_eq!(told["type"], "Opaque");
    let map = json!({ "kind": "ConfigMap", "data": { "limit": "5" } });
    assert_eq!(redacted(map.clone()), map);
}

#[test]
fn copies_of_the_object_are_redacted() {
    let told = redacted(json!({ "metadata": {
        "name": "a",
        "managedFields": [{ "manager": "kubectl" }],
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"env\":[{\"value\":\"hunter2\"}]}",
            "team": "red",
        },
    } }));
    assert_eq!(
        told,
        json!({ "metadata": { "name": "a", "annotations": { "team": "red" } } })
    );
}

#[test]
fn headers_with_credentials_are_redacted() {
    let told = redacted(json!({ "httpGet": { "httpHeaders": [
        { "name": "authorization", "value": "Bearer abc" },
        { "name": "Accept", "value": "text/plain" },
    ] } }));
    let headers = &told["httpGet"]["httpHeaders"];
    assert_eq!(
        (&headers[0]["value"], &headers[1]["value"]),
        (&json!("redacted-1"), &json!("text/plain"))
    );
}

#[test]
fn malformed_objects_are_left_as_they_are() {
    for odd in [
        json!(null),
        json!({ "env": "x", "metadata": [], "httpHeaders": { "name": "Cookie" } }),
        json!({ "env": [1, null, "x", { "name": 5 }, [] ], "kind": "Secret", "data": "x" }),
    ] {
        assert_eq!(redacted(odd.clone()), odd);
    }
}
