//! Finds misspelled fields of workloads: names that the API does not know, but that are close to
//! one it does.
//!
//! Other unknown names are accepted: they may belong to a later version of Kubernetes than the
//! table.

use std::collections::HashMap;
use std::sync::LazyLock;

use rollgate_strict::pointer::Path;
use serde_json::Value;

/// One line for each type: its fields, each with its type where that is in the table.
const KNOWN: &str = include_str!("fields/known.txt");

/// The fields of a type, each with the type of its value where that is in the table.
type Fields = Vec<(&'static str, Option<&'static str>)>;

static TYPES: LazyLock<HashMap<&str, Fields>> = LazyLock::new(|| {
    let types = KNOWN.lines().filter_map(|line| line.split_once(": "));
    types
        .map(|(name, fields)| (name, fields.split(' ').map(field).collect()))
        .collect()
});

/// A misspelled field, which the API server would drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelled {
    /// The JSON pointer to it.
    pub pointer: String,
    /// The field as written.
    pub field: String,
    /// The type that has no such field.
    pub of: &'static str,
    /// The field that was probably meant.
    pub meant: &'static str,
}

/// Returns the first misspelled field of a Kubernetes object; `None` also where its kind is not in
/// the table.
#[must_use]
pub fn misspelled(object: &Value) -> Option<Misspelled> {
    misspelled_in(object.get("kind")?.as_str()?, object)
}

/// Returns the first misspelled field of a value of a type, such as `PodTemplateSpec`.
#[must_use]
pub fn misspelled_in(type_name: &str, value: &Value) -> Option<Misspelled> {
    let (name, _) = TYPES.get_key_value(type_name)?;
    search(name, value, &Path::Root)
}

/// Returns the types in the table, with their fields.
pub fn known() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    TYPES
        .iter()
        .map(|(name, fields)| (*name, fields.iter().map(|(field, _)| *field)))
}

fn field(word: &'static str) -> (&'static str, Option<&'static str>) {
    match word.split_once('=') {
        Some((field, of)) => (field, Some(of)),
        None => (word, None),
    }
}

fn search(name: &'static str, value: &Value, path: &Path<'_>) -> Option<Misspelled> {
    match value {
        Value::Object(members) => {
            let known = TYPES.get(name)?;
            members.iter().find_map(|(key, member)| {
                let path = Path::Key(path, key);
                match known.iter().find(|(field, _)| field == key) {
                    Some((_, of)) => search((*of)?, member, &path),
                    None => closest(known, key).map(|meant| Misspelled {
                        pointer: path.pointer(),
                        field: key.clone(),
                        of: name,
                        meant,
                    }),
                }
            })
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| search(name, item, &Path::Index(path, index))),
        _ => None,
    }
}

/// Returns a known field that differs by case, or by one or two typos, depending on its length.
fn closest(known: &Fields, key: &str) -> Option<&'static str> {
    let word = key.to_lowercase();
    let near = known.iter().map(|(field, _)| {
        let distance = strsim::damerau_levenshtein(&word, &field.to_lowercase());
        (distance, *field)
    });
    let (distance, field) = near.min()?;
    (distance <= 2 && distance * 3 < field.len()).then_some(field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(container: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "shop", "labels": { "imagee": "any key" } },
            "spec": { "template": { "spec": { "containers": [container] } } },
        })
    }

    #[test]
    fn misspelled_field_is_found_with_its_pointer() {
        let cases = [
            (
                json!({ "readinesProbe": {} }),
                "readinesProbe",
                "readinessProbe",
            ),
            (
                json!({ "LivenessProbe": {} }),
                "LivenessProbe",
                "livenessProbe",
            ),
            (json!({ "imgae": "shop:1" }), "imgae", "image"),
            (
                json!({ "readinessProbe": { "httpget": {} } }),
                "readinessProbe/httpget",
                "httpGet",
            ),
            (json!({ "env": [{ "nam": "A" }] }), "env/0/nam", "name"),
        ];
        for (container, at, meant) in cases {
            let found = misspelled(&deployment(&container)).expect("it is misspelled");
            assert_eq!(
                found.pointer,
                format!("/spec/template/spec/containers/0/{at}")
            );
            assert_eq!(found.meant, meant);
        }
    }

    #[test]
    fn field_of_a_later_kubernetes_or_of_a_user_is_accepted() {
        for container in [
            json!({ "name": "shop", "quantumTunnel": true }),
            json!({ "resources": { "limits": { "nam": "1" } } }),
        ] {
            assert_eq!(misspelled(&deployment(&container)), None, "{container}");
        }
        let custom = json!({ "kind": "Widget", "metadat": {} });
        assert_eq!(misspelled(&custom), None);
    }

    #[test]
    fn known_field_is_never_a_misspelling_of_another() {
        for (name, fields) in known() {
            let all: serde_json::Map<_, _> = fields.map(|f| (f.to_owned(), Value::Null)).collect();
            assert_eq!(misspelled_in(name, &all.into()), None, "{name}");
        }
    }

    #[test]
    fn every_type_of_a_field_is_in_the_table() {
        for (name, fields) in TYPES.iter() {
            for (field, of) in fields {
                let known = of.is_none_or(|of| TYPES.contains_key(of));
                assert!(known, "{field} of {name} leads nowhere");
            }
        }
    }
}
