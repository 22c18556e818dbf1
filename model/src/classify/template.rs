//! Compares Pod templates in place, without what controllers and restarts write into them.

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::workload::{Workload, push_token};

/// What `kubectl rollout restart` writes into a template's annotations.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// What Argo's controller writes into the labels of its Pods, and into Services' selectors.
pub(super) const ARGO_HASH: &str = "rollouts-pod-template-hash";

const IGNORED_LABELS: [&str; 2] = ["pod-template-hash", ARGO_HASH];
const IGNORED_ANNOTATIONS: [&str; 1] = [RESTARTED_AT];

/// Where a workload has its template: in itself, or in the object that an Argo Rollout's
/// `workloadRef` names. A `Scale` has neither.
#[derive(Clone, Copy)]
pub(super) struct Template<'a> {
    own: Option<&'a Value>,
    reference: Option<&'a Value>,
}

/// How two templates differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// In nothing but what is ignored.
    Ignored,
    /// In something that counts, at this pointer of the workload.
    At(String),
}

impl<'a> Template<'a> {
    pub(super) fn of(workload: &'a Workload) -> Self {
        let argo = workload.kind() == Kind::Rollout;
        Self {
            own: workload.json("/spec/template"),
            reference: argo.then(|| workload.json("/spec/workloadRef")).flatten(),
        }
    }

    /// The template, where it stands in the workload itself.
    pub(super) fn here(self) -> Option<&'a Value> {
        self.own.filter(|_| self.reference.is_none())
    }

    pub(super) fn compare(self, new: Self) -> Difference {
        let at = |pointer: &str| Difference::At(pointer.to_owned());
        let referred = match (self.reference, new.reference) {
            (Some(old), Some(new)) => compare_references(old, new),
            (None, None) => Difference::None,
            _ => at("/spec/workloadRef"),
        };
        let own = match (self.own, new.own) {
            (Some(old), Some(new)) => compare(old, new),
            (None, None) => Difference::None,
            _ => at("/spec/template"),
        };
        if matches!(referred, Difference::At(_)) {
            referred
        } else {
            own
        }
    }
}

/// Compares two Pod templates.
pub(super) fn compare(old: &Value, new: &Value) -> Difference {
    let mut path = Path::at("/spec/template");
    let mut ignored = false;
    let differs = compare_metadata(
        field(old, "metadata"),
        field(new, "metadata"),
        &mut path,
        &mut ignored,
    ) || compare_fields(old, new, &["metadata"], &mut path);
    match (differs, ignored) {
        (true, _) => Difference::At(path.0),
        (false, true) => Difference::Ignored,
        (false, false) => Difference::None,
    }
}

/// When `kubectl rollout restart` last restarted a workload.
pub(super) fn restarted_at(workload: &Workload) -> Option<&str> {
    let mut annotations = workload.pod_annotations().iter();
    annotations
        .find(|(key, _)| key == RESTARTED_AT)
        .map(|(_, at)| at.as_str())
}

/// The images of a template, in an order that tells nothing.
pub(super) fn images(template: &Value) -> Vec<&str> {
    let mut images: Vec<&str> = ["/spec/containers", "/spec/initContainers"]
        .into_iter()
        .filter_map(|list| template.pointer(list)?.as_array())
        .flatten()
        .filter_map(|container| container.get("image")?.as_str())
        .collect();
    images.sort_unstable();
    images
}

/// How a reference is scaled down says nothing of the template it names.
fn compare_references(old: &Value, new: &Value) -> Difference {
    let mut path = Path::at("/spec/workloadRef");
    if compare_fields(old, new, &["scaleDown"], &mut path) {
        Difference::At(path.0)
    } else {
        Difference::None
    }
}

fn compare_metadata(old: &Value, new: &Value, path: &mut Path, ignored: &mut bool) -> bool {
    path.inside("metadata", |path| {
        compare_entries("labels", &IGNORED_LABELS, old, new, path, ignored)
            || compare_entries("annotations", &IGNORED_ANNOTATIONS, old, new, path, ignored)
            || compare_fields(old, new, &["labels", "annotations"], path)
    })
}

/// Compares labels or annotations, where an empty map is the same as none.
fn compare_entries(
    key: &str,
    ignore: &[&str],
    old: &Value,
    new: &Value,
    path: &mut Path,
    ignored: &mut bool,
) -> bool {
    let (old, new) = (field(old, key), field(new, key));
    *ignored |= ignore.iter().any(|key| field(old, key) != field(new, key));
    path.inside(key, |path| compare_fields(old, new, ignore, path))
}

/// Compares the fields of two objects, either of which may be absent.
fn compare_fields(old: &Value, new: &Value, skip: &[&str], path: &mut Path) -> bool {
    let empty = Map::new();
    let (old, new) = (
        old.as_object().unwrap_or(&empty),
        new.as_object().unwrap_or(&empty),
    );
    let differs = |key: &String, path: &mut Path| {
        let (old, new) = (
            old.get(key).unwrap_or(&Value::Null),
            new.get(key).unwrap_or(&Value::Null),
        );
        // Most of two templates is the same, and then no pointer is needed.
        old != new
            && !skip.contains(&key.as_str())
            && path.inside(key, |path| compare_values(old, new, path))
    };
    old.keys().any(|key| differs(key, path))
        || new
            .keys()
            .filter(|key| !old.contains_key(*key))
            .any(|key| differs(key, path))
}

/// Whether two values differ; the path is then left at the first difference.
fn compare_values(old: &Value, new: &Value, path: &mut Path) -> bool {
    match (old, new) {
        (Value::Object(_), Value::Object(_)) => compare_fields(old, new, &[], path),
        (Value::Array(old), Value::Array(new)) => compare_items(old, new, path),
        _ => old != new && !(is_nothing(old) && is_nothing(new)),
    }
}

fn compare_items(old: &[Value], new: &[Value], path: &mut Path) -> bool {
    let common = old.len().min(new.len());
    let pairs = old.iter().zip(new).enumerate();
    for (index, (old, new)) in pairs {
        if old != new && path.at_index(index, |path| compare_values(old, new, path)) {
            return true;
        }
    }
    old.len() != new.len() && path.at_index(common, |_| true)
}

/// The API drops empty lists, and takes `null` for an absent field.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn field<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// The pointer to where the comparison is; it stays there once a difference is found.
struct Path(String);

impl Path {
    fn at(pointer: &str) -> Self {
        Self(pointer.to_owned())
    }

    fn inside(&mut self, key: &str, differs: impl FnOnce(&mut Self) -> bool) -> bool {
        let length = self.0.len();
        self.0.push('/');
        push_token(&mut self.0, key);
        self.close(length, differs)
    }

    fn at_index(&mut self, index: usize, differs: impl FnOnce(&mut Self) -> bool) -> bool {
        let length = self.0.len();
        self.0.push('/');
        self.0.push_str(&index.to_string());
        self.close(length, differs)
    }

    fn close(&mut self, length: usize, differs: impl FnOnce(&mut Self) -> bool) -> bool {
        let found = differs(self);
        if !found {
            self.0.truncate(length);
        }
        found
    }
}
