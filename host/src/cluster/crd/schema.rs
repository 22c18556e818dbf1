//! Converts a derived schema to the one that the API server validates objects by.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceValidation;
use serde_json::{Map, Value};

use super::rules::Rules;

/// The fields with a default that the API server writes into objects, for people to see.
const SHOWN_DEFAULTS: [&str; 2] = ["action", "onError"];

/// Adds rules to a schema.
///
/// # Panics
/// If a rule is for a field that the schema does not have.
pub(super) fn tighten(validation: &mut CustomResourceValidation, rules: &Rules) {
    let mut schema = serde_json::to_value(&*validation).expect("a schema is JSON");
    let root = &mut schema["openAPIV3Schema"];
    plain(root);
    for (path, rule) in rules {
        add(field(root, path), rule);
    }
    *validation = serde_json::from_value(schema).expect("it was one before");
}

/// Removes what is about Rust's types and not about the format: nullability, the width of integers, and
/// the defaults that rollgate applies itself.
fn plain(schema: &mut Value) {
    let Value::Object(object) = schema else {
        return;
    };
    object.remove("nullable");
    if matches!(&object.get("format"), Some(Value::String(format)) if format.starts_with("uint")) {
        object.remove("format");
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (name, property) in properties {
            let shown = SHOWN_DEFAULTS.contains(&name.as_str());
            if let (false, Value::Object(property)) = (shown, &mut *property) {
                property.remove("default");
            }
            plain(property);
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inner) {
            plain(inner);
        }
    }
}

/// Returns the schema of a field. Its path is names joined by dots, `[]` for the items of a list, `{}` for the values of
/// a map.
fn field<'a>(root: &'a mut Value, path: &str) -> &'a mut Value {
    let steps = path.split('.').filter(|step| !step.is_empty());
    steps.fold(root, |schema, step| {
        let name = step.trim_end_matches("[]").trim_end_matches("{}");
        let schema = inner(inner(schema, "properties", path), name, path);
        match &step[name.len()..] {
            "[]" => inner(schema, "items", path),
            "{}" => inner(schema, "additionalProperties", path),
            _ => schema,
        }
    })
}

fn inner<'a>(schema: &'a mut Value, name: &str, path: &str) -> &'a mut Value {
    schema
        .get_mut(name)
        .unwrap_or_else(|| panic!("the schema has no `{path}`: nothing at `{name}`"))
}

fn add(schema: &mut Value, rule: &Value) {
    let (Value::Object(schema), Value::Object(rule)) = (schema, rule) else {
        unreachable!("schemas and rules are objects");
    };
    for (keyword, value) in rule {
        match (schema.get_mut(keyword), value) {
            (Some(Value::Array(present)), Value::Array(more)) if is_list(keyword) => {
                present.extend(more.iter().cloned());
            }
            _ => {
                schema.insert(keyword.clone(), value.clone());
            }
        }
    }
    forget_shape(schema);
}

fn is_list(keyword: &str) -> bool {
    keyword == "x-kubernetes-validations"
}

/// Removes keywords that contradict a field of any type.
fn forget_shape(schema: &mut Map<String, Value>) {
    if schema.contains_key("x-kubernetes-preserve-unknown-fields") {
        schema.remove("additionalProperties");
    }
    if schema.contains_key("x-kubernetes-int-or-string") {
        for keyword in ["type", "format", "minimum"] {
            schema.remove(keyword);
        }
    }
}
