//! Removes secrets from recordings: the values of Secrets and of variables.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The annotation in which kubectl keeps a whole copy of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// HTTP headers of probes and hooks that carry credentials, in lower case.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
];

/// Replaces secret values by placeholders. Use one redactor for a whole recording: equal values get
/// equal placeholders, so that a changed variable is still a change.
#[derive(Debug, Default)]
pub struct Redactor {
    placeholders: HashMap<String, String>,
}

impl Redactor {
    /// Redacts an object and everything in it: the data of Secrets, literal values of variables,
    /// headers with credentials, and the copies that kubectl and the API server keep.
    pub fn redact(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::Object(fields) => self.redact_fields(fields),
            _ => {}
        }
    }

    fn redact_fields(&mut self, fields: &mut Map<String, Value>) {
        if fields.get("kind").is_some_and(|kind| kind == "Secret") {
            for data in ["data", "stringData"] {
                if let Some(Value::Object(data)) = fields.get_mut(data) {
                    data.values_mut().for_each(|value| self.replace(value));
                }
            }
        }
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            forget_copies(metadata);
        }
        self.redact_named(fields.get_mut("env"), |_| true);
        self.redact_named(fields.get_mut("httpHeaders"), |name| {
            SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str())
        });
        fields.values_mut().for_each(|value| self.redact(value));
    }

    /// Replaces the `value` in a list of names and values.
    fn redact_named(&mut self, list: Option<&mut Value>, is_secret: impl Fn(&str) -> bool) {
        for item in list.and_then(Value::as_array_mut).into_iter().flatten() {
            if item["name"].as_str().is_none_or(&is_secret)
                && let Some(value) = item.get_mut("value")
            {
                self.replace(value);
            }
        }
    }

    /// Replaces a value, unless it is empty.
    fn replace(&mut self, value: &mut Value) {
        let text = match *value {
            Value::Null => return,
            Value::String(ref text) if text.is_empty() => return,
            Value::String(ref mut text) => std::mem::take(text),
            ref other => other.to_string(),
        };
        let next = self.placeholders.len() + 1;
        let placeholder = self
            .placeholders
            .entry(text)
            .or_insert_with(|| format!("redacted-{next}"));
        *value = placeholder.as_str().into();
    }
}

fn forget_copies(metadata: &mut Map<String, Value>) {
    metadata.remove("managedFields");
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
}
