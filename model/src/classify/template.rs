//! Compares Pod templates in place, without what controllers and restarts write into them.

mod text;

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::template_ref::TemplateRef;
use crate::workload::{Workload, push_token};
pub use text::template_text;

/// What `kubectl rollout restart` writes into a template's annotations.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// What Argo's controller writes into the labels of its Pods, and into Services' selectors.
pub(crate) const ARGO_HASH: &str = "rollouts-pod-template-hash";

const IGNORED_LABELS: [&str; 2] = ["pod-template-hash", ARGO_HASH];
const IGNORED_ANNOTATIONS: [&str; 1] = [RESTARTED_AT];

/// Where a workload has its template: in itself, or in the object that an Argo Rollout's
/// `workloadRef` names. A `Scale` has neither.
#[derive(Clone, Copy)]
pub(super) struct Template<'a> {
    own: Option<&'a Value>,
    /// Where it was not read.
    reference: Option<&'a Value>,
    source: Option<&'a TemplateRef>,
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
            // Beside a reference stands no template, or an empty one.
            own: workload
                .json("/spec/template")
                .filter(|_| !argo || !workload.containers().is_empty()),
            reference: workload
                .json("/spec/workloadRef")
                .filter(|_| !workload.shows_template()),
            source: workload.template_ref(),
        }
    }

    /// The template, where it is known.
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
        match (referred, own) {
            (referred @ Difference::At(_), _) => referred,
            (_, Difference::None) if self.source != new.source => Difference::Ignored,
            (_, own) => own,
        }
    }
}

/// Compares two Pod templates.
pub(super) fn compare(old: &Value, new: &Value) -> Difference {
    let (old_metadata, new_metadata) = (field(old, "metadata"), field(new, "metadata"));
    let trail = metadata_differs(old_metadata, new_metadata)
        .map(|trail| trail.under("metadata"))
        .or_else(|| fields_differ(old, new, &["metadata"]));
    match trail {
        Some(trail) => Difference::At(trail.pointer("/spec/template")),
        None if ignored_differs(old_metadata, new_metadata) => Difference::Ignored,
        None => Difference::None,
    }
}

/// A template without the labels that controllers write into it.
pub(super) fn without_hashes(mut template: Value) -> Value {
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.retain(|key, _| !IGNORED_LABELS.contains(&key.as_str()));
    }
    template
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
    match fields_differ(old, new, &["scaleDown"]) {
        Some(trail) => Difference::At(trail.pointer("/spec/workloadRef")),
        None => Difference::None,
    }
}

fn metadata_differs<'v>(old: &'v Value, new: &'v Value) -> Option<Trail<'v>> {
    let entries = |key: &'static str, ignored: &[&str]| {
        fields_differ(field(old, key), field(new, key), ignored).map(|trail| trail.under(key))
    };
    entries("labels", &IGNORED_LABELS)
        .or_else(|| entries("annotations", &IGNORED_ANNOTATIONS))
        .or_else(|| fields_differ(old, new, &["labels", "annotations"]))
}

fn ignored_differs(old: &Value, new: &Value) -> bool {
    let differs = |map, key: &str| field(field(old, map), key) != field(field(new, map), key);
    IGNORED_LABELS.iter().any(|key| differs("labels", key))
        || IGNORED_ANNOTATIONS
            .iter()
            .any(|key| differs("annotations", key))
}

/// The way to the first difference between two values, found from its end.
fn values_differ<'v>(old: &'v Value, new: &'v Value) -> Option<Trail<'v>> {
    match (old, new) {
        (Value::Object(_), Value::Object(_)) => fields_differ(old, new, &[]),
        (Value::Array(old), Value::Array(new)) => items_differ(old, new),
        _ => (old != new && !(is_nothing(old) && is_nothing(new))).then(Trail::default),
    }
}

/// As `values_differ`, for two objects of which either may be absent.
fn fields_differ<'v>(old: &'v Value, new: &'v Value, skip: &[&str]) -> Option<Trail<'v>> {
    let keys_of_old = old.as_object().into_iter().flat_map(Map::keys);
    let keys_of_new = new.as_object().into_iter().flat_map(Map::keys);
    keys_of_old
        .chain(keys_of_new.filter(|key| old.get(*key).is_none()))
        .filter(|key| !skip.contains(&key.as_str()))
        .find_map(|key| {
            values_differ(field(old, key), field(new, key)).map(|trail| trail.under(key))
        })
}

fn items_differ<'v>(old: &'v [Value], new: &'v [Value]) -> Option<Trail<'v>> {
    let common = old.len().min(new.len());
    let mut pairs = old.iter().zip(new).enumerate();
    pairs
        .find_map(|(index, (old, new))| values_differ(old, new).map(|trail| trail.at(index)))
        .or_else(|| (old.len() != new.len()).then(|| Trail::default().at(common)))
}

/// The API drops empty lists, and takes `null` for an absent field.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn field<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// The way to a difference, its last step first: what is the same costs no pointer.
#[derive(Default)]
struct Trail<'v>(Vec<Step<'v>>);

enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

impl<'v> Trail<'v> {
    fn under(mut self, key: &'v str) -> Self {
        self.0.push(Step::Key(key));
        self
    }

    fn at(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    fn pointer(&self, root: &str) -> String {
        let mut pointer = root.to_owned();
        for step in self.0.iter().rev() {
            pointer.push('/');
            match step {
                Step::Key(key) => push_token(&mut pointer, key),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}
