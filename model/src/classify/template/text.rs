//! A template as text, so that two can be compared by a digest long after one of them is gone.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{ARGO_HASH, IGNORED_ANNOTATIONS, IGNORED_LABELS, Template, field, is_nothing};
use crate::kind::Kind;
use crate::workload::Workload;

/// What a workload would run, as one text: that of two workloads is the same exactly where the
/// classifier finds no difference that counts between their templates. For a Service, its selector
/// stands for the template; a `Scale` has none, and all of them have the same text.
///
/// A digest of this text may be kept and written down by people, so it does not depend on the order
/// of keys, and changes only with a note in the changelog.
#[must_use]
pub fn template_text(workload: &Workload) -> String {
    let mut text = String::new();
    if workload.kind() == Kind::Service {
        let selector = workload.json("/spec/selector").unwrap_or(&Value::Null);
        fields(&mut text, selector, &[ARGO_HASH]);
        return text;
    }
    let Template { own, reference, .. } = Template::of(workload);
    if let Some(template) = own {
        whole(&mut text, template);
    }
    if let Some(reference) = reference {
        text.push('@');
        fields(&mut text, reference, &["scaleDown"]);
    }
    text
}

/// Labels, annotations, what else the metadata has, and the rest, each with its braces.
fn whole(text: &mut String, template: &Value) {
    let metadata = field(template, "metadata");
    fields(text, field(metadata, "labels"), &IGNORED_LABELS);
    fields(text, field(metadata, "annotations"), &IGNORED_ANNOTATIONS);
    fields(text, metadata, &["labels", "annotations"]);
    fields(text, template, &["metadata"]);
}

fn fields(text: &mut String, object: &Value, skip: &[&str]) {
    let entries = object.as_object().into_iter().flat_map(Map::iter);
    let mut counting: Vec<_> = entries
        .filter(|(key, value)| !skip.contains(&key.as_str()) && !is_nothing(value))
        .collect();
    counting.sort_unstable_by_key(|(key, _)| *key);
    text.push('{');
    for (key, value) in counting {
        any(text, &Value::from(key.as_str()));
        text.push(':');
        any(text, value);
        text.push(',');
    }
    text.push('}');
}

fn any(text: &mut String, value: &Value) {
    match value {
        Value::Object(_) => fields(text, value, &[]),
        _ if is_nothing(value) => text.push_str("null"),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                any(text, item);
                text.push(',');
            }
            text.push(']');
        }
        scalar => write!(text, "{scalar}").expect("writing to a String does not fail"),
    }
}
