//! The Deployment that tests roll out: a cart, which listens on a port.

use serde_json::{Value, json};

/// Without a readiness probe, which the bundled `probes` denies.
#[must_use]
pub fn careless(image: &str) -> Value {
    let container = json!({
        "name": "main",
        "image": image,
        "ports": [{ "containerPort": 80 }],
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "cart" },
        "spec": {
            "selector": { "matchLabels": { "app": "cart" } },
            "template": {
                "metadata": { "labels": { "app": "cart" } },
                "spec": { "containers": [container] },
            },
        },
    })
}

/// With one.
#[must_use]
pub fn careful(image: &str) -> Value {
    let mut deployment = careless(image);
    deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({ "httpGet": { "path": "/ready", "port": 80 } });
    deployment
}

/// The review of its creation in a namespace.
#[must_use]
pub fn creation(mut deployment: Value, namespace: &str) -> Value {
    deployment["metadata"]["namespace"] = namespace.into();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": { "group": "apps", "version": "v1", "kind": "Deployment" },
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "name": "cart",
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": { "username": "jo" },
            "object": deployment,
        },
    })
}
