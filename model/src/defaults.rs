//! Fills the API server's defaults into an object's tree.
//!
//! Policies then see the same object in a manifest as in a cluster. All defaults are in one table,
//! [`table`], each with its source. Not filled in are defaults that the API server gives a Pod but
//! not a template (requests from limits, `enableServiceLinks`, host ports of the host network), and
//! values that it allocates (`clusterIP`, node ports).

mod image;
mod quantity;
mod rows;
mod volumes;

use crate::json::{Map, Value};

use crate::kind::Kind;
pub(crate) use image::pulled_tag;
use rows::apply;
pub use rows::{DefaultValue, FieldDefault, TypeDefaults, When, table};

pub(crate) type Object = Map;

/// Fills the defaults of this kind into an object, in place. Parts of the wrong type are left as
/// they are.
pub fn fill(kind: Kind, tree: &mut Value) {
    let Some(spec) = tree
        .as_object_mut()
        .and_then(|object| child(object, "spec"))
    else {
        return;
    };
    match kind {
        Kind::Deployment => deployment(spec),
        Kind::StatefulSet => stateful_set(spec),
        Kind::DaemonSet => daemon_set(spec),
        Kind::Rollout => argo_rollout(spec),
        Kind::Service => service(spec),
    }
    if let Some(template) = spec.get_mut("template") {
        fill_template(template);
    }
}

/// Fills the defaults of a Pod template, such as that of a ReplicaSet, in place.
pub fn fill_template(template: &mut Value) {
    let Some(spec) = template
        .as_object_mut()
        .and_then(|template| child(template, "spec"))
    else {
        return;
    };
    apply(&rows::pods::POD_SPEC, spec);
    for list in ["containers", "initContainers"] {
        children(spec, list).for_each(container);
    }
    children(spec, "volumes").for_each(volumes::fill);
    if let Some(overhead) = child(spec, "overhead") {
        quantity::canonicalize(overhead);
    }
    resources(spec);
}

fn deployment(spec: &mut Object) {
    apply(&rows::workloads::DEPLOYMENT_SPEC, spec);
    let Some(strategy) = opened(spec, "strategy") else {
        return;
    };
    apply(&rows::workloads::DEPLOYMENT_STRATEGY, strategy);
    if is(strategy, "type", "RollingUpdate")
        && let Some(rolling) = opened(strategy, "rollingUpdate")
    {
        apply(&rows::workloads::DEPLOYMENT_ROLLING_UPDATE, rolling);
    }
}

fn stateful_set(spec: &mut Object) {
    apply(&rows::workloads::STATEFUL_SET_SPEC, spec);
    if let Some(policy) = opened(spec, "persistentVolumeClaimRetentionPolicy") {
        apply(&rows::workloads::CLAIM_RETENTION_POLICY, policy);
    }
    if let Some(strategy) = opened(spec, "updateStrategy") {
        stateful_set_strategy(strategy);
    }
    children(spec, "volumeClaimTemplates").for_each(volumes::fill_claim);
}

/// Unlike the other kinds, a StatefulSet gets a `rollingUpdate` only where it has no `type`.
fn stateful_set_strategy(strategy: &mut Object) {
    if When::Zero.applies(strategy.get("type")) {
        opened(strategy, "rollingUpdate");
    }
    apply(&rows::workloads::UPDATE_STRATEGY, strategy);
    if is(strategy, "type", "RollingUpdate")
        && let Some(rolling) = child(strategy, "rollingUpdate")
    {
        apply(&rows::workloads::STATEFUL_SET_ROLLING_UPDATE, rolling);
    }
}

fn daemon_set(spec: &mut Object) {
    apply(&rows::workloads::DAEMON_SET_SPEC, spec);
    let Some(strategy) = opened(spec, "updateStrategy") else {
        return;
    };
    apply(&rows::workloads::UPDATE_STRATEGY, strategy);
    if is(strategy, "type", "RollingUpdate")
        && let Some(rolling) = opened(strategy, "rollingUpdate")
    {
        apply(&rows::workloads::DAEMON_SET_ROLLING_UPDATE, rolling);
    }
}

fn argo_rollout(spec: &mut Object) {
    apply(&rows::workloads::ARGO_ROLLOUT_SPEC, spec);
    if let Some(canary) = child(spec, "strategy").and_then(|strategy| child(strategy, "canary")) {
        apply(&rows::workloads::ARGO_CANARY, canary);
    }
}

fn service(spec: &mut Object) {
    apply(&rows::services::SERVICE_SPEC, spec);
    if is(spec, "sessionAffinity", "None") {
        spec.remove("sessionAffinityConfig");
    } else if is(spec, "sessionAffinity", "ClientIP")
        && let Some(config) = opened(spec, "sessionAffinityConfig")
        && let Some(client_ip) = opened(config, "clientIP")
    {
        apply(&rows::services::CLIENT_IP_CONFIG, client_ip);
    }
    children(spec, "ports").for_each(|port| apply(&rows::services::SERVICE_PORT, port));
}

fn container(container: &mut Object) {
    apply(&rows::pods::CONTAINER, container);
    children(container, "ports").for_each(|port| apply(&rows::pods::CONTAINER_PORT, port));
    children(container, "env")
        .filter_map(|variable| child(variable, "valueFrom"))
        .for_each(value_from);
    resources(container);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = child(container, probe) {
            apply(&rows::pods::PROBE, probe);
            handler(probe);
        }
    }
    let Some(lifecycle) = child(container, "lifecycle") else {
        return;
    };
    for hook in ["postStart", "preStop"] {
        if let Some(hook) = child(lifecycle, hook) {
            handler(hook);
        }
    }
}

fn value_from(source: &mut Object) {
    if let Some(field) = child(source, "fieldRef") {
        apply(&rows::pods::FIELD_REF, field);
    } else if let Some(resource) = child(source, "resourceFieldRef") {
        volumes::divisor(resource);
    } else if let Some(file) = child(source, "fileKeyRef") {
        apply(&rows::pods::FILE_KEY_REF, file);
    }
}

fn handler(handler: &mut Object) {
    if let Some(get) = child(handler, "httpGet") {
        apply(&rows::pods::HTTP_GET, get);
    } else if let Some(grpc) = child(handler, "grpc") {
        apply(&rows::pods::GRPC, grpc);
    }
}

fn resources(owner: &mut Object) {
    let Some(resources) = child(owner, "resources") else {
        return;
    };
    for list in ["requests", "limits"] {
        if let Some(quantities) = child(resources, list) {
            quantity::canonicalize(quantities);
        }
    }
}

fn is(object: &Object, key: &str, word: &str) -> bool {
    object.get(key).and_then(Value::as_str) == Some(word)
}

pub(super) fn child<'o>(object: &'o mut Object, key: &str) -> Option<&'o mut Object> {
    object.get_mut(key)?.as_object_mut()
}

/// Returns the object at this key, and creates it where it is absent.
pub(super) fn opened<'o>(object: &'o mut Object, key: &str) -> Option<&'o mut Object> {
    if object.get(key).is_none_or(Value::is_null) {
        object.insert(key, Value::Object(Map::new()));
    }
    child(object, key)
}

pub(super) fn children<'o>(
    object: &'o mut Object,
    key: &str,
) -> impl Iterator<Item = &'o mut Object> {
    let items = object.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}
