//! Compares Pod templates, ignoring what controllers and restarts write into them.

use std::fmt::{self, Write};

use crate::json::{Map, Value};
use rollgate_strict::pointer;

use crate::kind::Kind;
use crate::template_ref::TemplateRef;
use crate::workload::Workload;

/// The annotation that `kubectl rollout restart` writes into a template.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// The label that Argo Rollouts' controller writes into its Pods and into Services' selectors.
pub(crate) const ARGO_HASH: &str = "rollouts-pod-template-hash";

const IGNORED_LABELS: [&str; 2] = ["pod-template-hash", ARGO_HASH];
const IGNORED_ANNOTATIONS: [&str; 1] = [RESTARTED_AT];

/// The Pod template of a workload: its own, or that of the object in an Argo Rollout's `workloadRef`.
/// A `Scale` has neither.
#[derive(Clone, Copy)]
pub(super) struct Template<'a> {
    own: Option<&'a Value>,
    /// The `workloadRef`, where its object was not read.
    reference: Option<&'a Value>,
    source: Option<&'a TemplateRef>,
}

/// How two templates differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// They are equal.
    None,
    /// They differ only in ignored labels or annotations.
    Ignored,
    /// They differ significantly, at this JSON pointer of the workload.
    At(String),
}

impl<'a> Template<'a> {
    pub(super) fn of(workload: &'a Workload) -> Self {
        let argo = workload.kind() == Kind::Rollout;
        Self {
            // A Rollout with a `workloadRef` has no template of its own, or an empty one.
            own: workload
                .json("/spec/template")
                .filter(|_| !argo || !workload.containers().is_empty()),
            reference: workload
                .json("/spec/workloadRef")
                .filter(|_| !workload.shows_template()),
            source: workload.template_ref(),
        }
    }

    /// Returns the template, where it is known.
    pub(super) fn known(self) -> Option<&'a Value> {
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

/// Whether two templates differ only in what is ignored, or not at all.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    !matches!(compare(one, other), Difference::At(_))
}

/// Removes the labels that controllers write into a template.
pub(super) fn without_hashes(mut template: Value) -> Value {
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.retain(|key, _| !IGNORED_LABELS.contains(&key));
    }
    template
}

/// Returns when `kubectl rollout restart` last restarted a workload.
pub(super) fn restarted_at(workload: &Workload) -> Option<&str> {
    let mut annotations = workload.pod_annotations().iter();
    annotations
        .find(|(key, _)| key == RESTARTED_AT)
        .map(|(_, at)| at.as_str())
}

/// Returns the images of a template, sorted.
pub(crate) fn images(template: &Value) -> Vec<&str> {
    let mut images: Vec<&str> = ["/spec/containers", "/spec/initContainers"]
        .into_iter()
        .filter_map(|list| template.pointer(list)?.as_array())
        .flatten()
        .filter_map(|container| container.get("image")?.as_str())
        .collect();
    images.sort_unstable();
    images
}

/// Compares two references, except for `scaleDown`, which does not affect the template.
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

/// Returns the path to the first difference between two values.
fn values_differ<'v>(old: &'v Value, new: &'v Value) -> Option<Trail<'v>> {
    match (old, new) {
        (Value::Object(_), Value::Object(_)) => fields_differ(old, new, &[]),
        (Value::Array(old), Value::Array(new)) => items_differ(old, new),
        _ => (old != new && !(is_nothing(old) && is_nothing(new))).then(Trail::default),
    }
}

/// As `values_differ`, for two objects; either may be absent.
fn fields_differ<'v>(old: &'v Value, new: &'v Value, skip: &[&str]) -> Option<Trail<'v>> {
    let keys_of_old = old.as_object().into_iter().flat_map(Map::keys);
    let keys_of_new = new.as_object().into_iter().flat_map(Map::keys);
    keys_of_old
        .chain(keys_of_new.filter(|key| old.get(key).is_none()))
        .filter(|key| !skip.contains(key))
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

/// Whether the API treats a value as absent: `null` and empty lists.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(<[_]>::is_empty)
}

fn field<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// The path to a difference, its last step first, so that equal values build no pointer.
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
            match step {
                Step::Key(key) => pointer::push(&mut pointer, key),
                Step::Index(index) => pointer::push(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}

/// Returns a canonical text of what a workload runs. Two workloads have the same text exactly when
/// [`Request::classify`](crate::Request::classify) finds no significant difference between their Pod
/// templates. For a Service, the text is that of its selector. A `Scale` has no template, and all of
/// them have the same text.
///
/// People store digests of this text (an override bound to one template), so it does not depend on
/// the order of keys, and every change of the format is announced in the changelog.
#[must_use]
pub fn template_text(workload: &Workload) -> String {
    let mut text = String::new();
    write_workload(&mut text, workload).expect("writing to a String does not fail");
    text
}

fn write_workload(text: &mut String, workload: &Workload) -> fmt::Result {
    if workload.kind() == Kind::Service {
        let selector = workload.json("/spec/selector").unwrap_or(&Value::Null);
        return write_fields(text, selector, &[ARGO_HASH]);
    }
    let Template { own, reference, .. } = Template::of(workload);
    if let Some(template) = own {
        write_template(text, template)?;
    }
    if let Some(reference) = reference {
        text.write_char('@')?;
        write_fields(text, reference, &["scaleDown"])?;
    }
    Ok(())
}

/// Writes labels, annotations, the other metadata and the rest, each in braces of its own.
pub(super) fn write_template(text: &mut impl Write, template: &Value) -> fmt::Result {
    let metadata = field(template, "metadata");
    write_fields(text, field(metadata, "labels"), &IGNORED_LABELS)?;
    write_fields(text, field(metadata, "annotations"), &IGNORED_ANNOTATIONS)?;
    write_fields(text, metadata, &["labels", "annotations"])?;
    write_fields(text, template, &["metadata"])
}

fn write_fields(text: &mut impl Write, object: &Value, skip: &[&str]) -> fmt::Result {
    let entries = object.as_object().into_iter().flat_map(Map::iter);
    let significant = entries.filter(|(key, value)| !skip.contains(key) && !is_nothing(value));
    text.write_char('{')?;
    for (key, value) in significant {
        write_value(text, &Value::from(key))?;
        text.write_char(':')?;
        write_value(text, value)?;
        text.write_char(',')?;
    }
    text.write_char('}')
}

fn write_value(text: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Object(_) => write_fields(text, value, &[]),
        _ if is_nothing(value) => text.write_str("null"),
        Value::Array(items) => {
            text.write_char('[')?;
            for item in items {
                write_value(text, item)?;
                text.write_char(',')?;
            }
            text.write_char(']')
        }
        scalar => write!(text, "{scalar}"),
    }
}
