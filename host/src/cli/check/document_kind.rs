//! Decides what a document is: a workload, another object, or a mistake.

use rollgate_model::Kind;
use rollgate_yaml as yaml;
use serde_json::Value;

/// The kind of a document.
pub(super) enum DocumentKind {
    Workload(Kind),
    /// An object of another kind.
    Other,
    /// No Kubernetes object, such as the values of a chart.
    NoObject,
    Mistaken(Mistake),
}

/// An object that is probably meant for a cluster, and that no cluster accepts.
pub(super) struct Mistake {
    pub(super) pointer: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

fn mistaken(pointer: &'static str, message: impl Into<String>) -> DocumentKind {
    DocumentKind::Mistaken(Mistake {
        pointer,
        message: message.into(),
        hint: None,
    })
}

/// Decides what a document is.
pub(super) fn kind_of(tree: &Value) -> DocumentKind {
    if let Value::Array(items) = tree {
        return sort_array(items);
    }
    let word = |field| tree.get(field).and_then(Value::as_str);
    match (word("apiVersion"), word("kind")) {
        (Some(api_version), Some(kind)) => sort_object(api_version, kind),
        (None, Some(kind)) if kind.parse::<Kind>().is_ok() => mistaken(
            "",
            format!("this {kind} has no `apiVersion`, so no cluster accepts it"),
        ),
        (None, Some(_)) => DocumentKind::Other,
        (Some(api_version), None) => mistaken(
            "",
            format!(
                "this object of {} has no `kind`, so no cluster accepts it",
                api_version.escape_debug()
            ),
        ),
        (None, None) => sort_nameless(tree),
    }
}

/// A list of objects without a List around it, as `jq .items` writes it.
fn sort_array(items: &[Value]) -> DocumentKind {
    let is_object = |item: &Value| item.get("apiVersion").is_some() && item.get("kind").is_some();
    if items.iter().any(is_object) {
        DocumentKind::Mistaken(Mistake {
            pointer: "",
            message:
                "a manifest is one object, and this is a list of objects, which no cluster accepts"
                    .to_owned(),
            hint: Some("separate them by `---`, or put them under `items` of a `kind: List`"),
        })
    } else {
        DocumentKind::NoObject
    }
}

/// Decides for an object without `apiVersion` and `kind`, which may be misspelled.
fn sort_nameless(tree: &Value) -> DocumentKind {
    let keys = tree
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys());
    let near = keys.into_iter().find_map(|key| {
        let names = ["apiVersion", "kind"].into_iter();
        let name = names
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(key))?;
        Some(format!(
            "`{name}` is written `{}` here, so no cluster accepts it",
            key.escape_debug()
        ))
    });
    match near {
        Some(message) => mistaken("", message),
        None if tree.pointer("/spec/template/spec/containers").is_some() => mistaken(
            "",
            "this workload has no `apiVersion` and no `kind`, so no cluster accepts it",
        ),
        None => DocumentKind::NoObject,
    }
}

/// The kinds of the group `apps` that start no Pods by themselves, or are not written by hand.
const OTHER_APPS: [&str; 2] = ["ReplicaSet", "ControllerRevision"];

fn sort_object(api_version: &str, kind: &str) -> DocumentKind {
    if let Some(kind) = Kind::of(api_version, kind).or(Kind::formerly(api_version, kind)) {
        return DocumentKind::Workload(kind);
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let apps = ["Deployment", "StatefulSet", "DaemonSet"];
    let of_kind = |message| mistaken("/kind", message);
    match Kind::ALL
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(kind))
    {
        Some(known)
            if apps.contains(&known.as_str()) && matches!(group, "" | "apps" | "extensions") =>
        {
            of_kind(format!(
                "there is no {kind} in `{api_version}`; did you mean {known} in `{}`?",
                known.api_version()
            ))
        }
        None if api_version == "apps/v1" && !OTHER_APPS.contains(&kind) => of_kind(
            yaml::FieldProblem::UnknownWord {
                word: kind.to_owned(),
                known: vec!["Deployment", "StatefulSet", "DaemonSet"],
            }
            .to_string(),
        ),
        _ => DocumentKind::Other,
    }
}
