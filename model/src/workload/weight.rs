//! Estimates the memory that parsing an object takes beside its tree: copies of names and texts, records
//! of containers, and defaults that are filled in.

use crate::json::{Map, Value};
use crate::records::Container;

/// What is there for each workload.
const WORKLOAD: usize = 2048;
/// The record of a container with its path, and the four defaults of a container.
const CONTAINER: usize = size_of::<Container>() + 96 + 4 * DEFAULT;
/// An entry that is filled into a map.
const DEFAULT: usize = 64;
/// A text in a record, beside its bytes.
const TEXT: usize = 40;
/// A small object in a record, with a default or two: a port, a handler.
const OBJECT: usize = 144;
/// A claim of a StatefulSet gets up to seven defaults, two of them objects.
const CLAIM: usize = 8 * DEFAULT;

/// The parts of a container that stay in the tree.
const NOT_COPIED: [&str; 4] = ["env", "envFrom", "volumeMounts", "volumeDevices"];

/// Returns the bytes that parsing an object takes beside its tree, or more.
pub(super) fn of(tree: &Value) -> usize {
    let (metadata, spec) = (tree.field("metadata"), tree.field("spec"));
    let objects = [metadata, spec.field("template").field("metadata")];
    let pairs = objects
        .map(|metadata| copies(metadata.field("labels")) + copies(metadata.field("annotations")));
    WORKLOAD
        + pairs.iter().sum::<usize>()
        + copies(spec.field("selector"))
        + copies(spec.field("workloadRef"))
        + OBJECT * items(spec, "ports").count()
        + CLAIM * items(spec, "volumeClaimTemplates").count()
        + pod(spec.field("template").field("spec"))
}

fn pod(spec: &Value) -> usize {
    let containers = items(spec, "containers").chain(items(spec, "initContainers"));
    let volumes = items(spec, "volumes").map(|volume| OBJECT + objects(volume) * DEFAULT);
    containers.map(container).sum::<usize>()
        + volumes.sum::<usize>()
        + copies(spec.field("nodeSelector"))
        + copies(spec.field("readinessGates"))
        + copies(spec.field("overhead"))
}

fn container(container: &Value) -> usize {
    let fields = container.as_object().into_iter().flat_map(Map::iter);
    let copied = fields.filter(|(key, _)| !NOT_COPIED.contains(key));
    let from = items(container, "env").map(|variable| objects(variable.field("valueFrom")));
    CONTAINER
        + copied.map(|(_, value)| copies(value)).sum::<usize>()
        + from.sum::<usize>() * DEFAULT
}

/// The size of a value if it is copied.
fn copies(value: &Value) -> usize {
    match value {
        Value::String(text) => TEXT + text.len(),
        Value::Array(items) => items.iter().map(copies).sum(),
        Value::Object(fields) => {
            let fields = fields.iter();
            OBJECT
                + fields
                    .map(|(key, value)| TEXT + key.len() + copies(value))
                    .sum::<usize>()
        }
        Value::Null | Value::Bool(_) => 0,
        Value::Number(_) => TEXT,
    }
}

/// The number of objects in a value.
fn objects(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(objects).sum(),
        Value::Object(fields) => {
            1 + fields
                .iter()
                .map(|(_, value)| objects(value))
                .sum::<usize>()
        }
        _ => 0,
    }
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.field(field).as_array().into_iter().flatten()
}
