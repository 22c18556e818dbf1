//! Flattens lists of Kubernetes objects, as kubectl does.

use serde_json::Value;

use crate::Kind;
use rollgate_yaml::{Document, Spans};

/// A list, or an object in a list, that no cluster accepts.
#[derive(Clone, Debug)]
pub struct ListError {
    /// What is wrong.
    pub problem: ListProblem,
    /// RFC 6901 pointer to it, in the part of the document that `spans` covers.
    pub pointer: &'static str,
    /// The positions of the list or of the item.
    pub spans: Spans,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListProblem {
    /// `items` is not a list.
    #[error("the `items` of a {kind} must be a list of objects")]
    NoList {
        /// The kind of the list.
        kind: String,
    },
    /// A `List` without `items`.
    #[error("this List has no `items`, so nothing is in it")]
    NoItems,
    /// An item is not an object.
    #[error("an item of a {kind} must be an object")]
    NoObject {
        /// The kind of the list.
        kind: String,
    },
    /// An item of a `List` has no kind. A `List` does not imply the kind of its items.
    #[error("this item of a List has no `apiVersion` and no `kind`, so no cluster takes it")]
    NoKind,
    /// A workload has `items`.
    #[error(
        "a {0} has no `items`; kubectl takes this for a list, and the {0} is lost: remove `items`"
    )]
    Workload(Kind),
}

/// Returns the objects of a document: those of a list, and of lists in it, or the document itself.
///
/// As in kubectl, any kind with `items` is a list. In a typed list, such as `DeploymentList`, the
/// list's kind implies that of an item with neither `apiVersion` nor `kind`. A document without a
/// kind is returned as it is.
#[must_use]
pub fn objects(document: Document) -> Vec<Result<Document, ListError>> {
    let mut found = Vec::new();
    take_apart(document, &mut found);
    found
}

fn take_apart(document: Document, found: &mut Vec<Result<Document, ListError>>) {
    let Some(list) = List::of(&document.tree) else {
        found.push(Ok(document));
        return;
    };
    if let Err((pointer, problem)) = list.check(&document.tree) {
        found.push(Err(ListError {
            problem,
            pointer,
            spans: document.spans,
        }));
        return;
    }
    for item in document.into_items("/items") {
        match list.complete(item) {
            Ok(object) => take_apart(object, found),
            Err(error) => found.push(Err(error)),
        }
    }
}

/// The type of a list and of its items.
struct List {
    api_version: String,
    kind: String,
}

impl List {
    /// Returns `None` where the object is not a list.
    fn of(tree: &Value) -> Option<Self> {
        let word = |field| tree.get(field).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (word("apiVersion"), word("kind"));
        let named = kind.ends_with("List") || (!kind.is_empty() && !api_version.is_empty());
        let is_list = named && (tree.get("items").is_some() || kind == "List");
        is_list.then(|| Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    fn check(&self, tree: &Value) -> Result<(), (&'static str, ListProblem)> {
        let workload = Kind::of(&self.api_version, &self.kind);
        if let Some(kind) = workload.or(Kind::formerly(&self.api_version, &self.kind)) {
            return Err(("/items", ListProblem::Workload(kind)));
        }
        match tree.get("items") {
            // Go writes a list without elements as `null`.
            Some(Value::Array(_) | Value::Null) => Ok(()),
            Some(_) => {
                let kind = self.kind.clone();
                Err(("/items", ListProblem::NoList { kind }))
            }
            None => Err(("", ListProblem::NoItems)),
        }
    }

    /// Adds the kind that the list implies to an item without one.
    fn complete(&self, mut item: Document) -> Result<Document, ListError> {
        let error = |problem, spans: &Spans| ListError {
            problem,
            pointer: "",
            spans: spans.clone(),
        };
        let Value::Object(fields) = &mut item.tree else {
            let kind = self.kind.clone();
            return Err(error(ListProblem::NoObject { kind }, &item.spans));
        };
        let is_set = |field| match fields.get(field) {
            None | Some(Value::Null) => false,
            Some(Value::String(word)) => !word.is_empty(),
            Some(_) => true,
        };
        if is_set("apiVersion") || is_set("kind") {
            return Ok(item);
        }
        let kind = self.kind.strip_suffix("List").unwrap_or(&self.kind);
        if kind.is_empty() || self.api_version.is_empty() {
            return Err(error(ListProblem::NoKind, &item.spans));
        }
        fields.insert("apiVersion".to_owned(), self.api_version.as_str().into());
        fields.insert("kind".to_owned(), kind.into());
        Ok(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollgate_yaml as yaml;

    /// The results as text: `apiVersion/kind name`, or what is wrong and where.
    fn shown(text: &str) -> Vec<String> {
        let document = yaml::read(text.as_bytes()).remove(0).expect("YAML");
        let show = |object: Result<Document, ListError>| match object {
            Ok(Document { tree, .. }) => {
                let word = |pointer| tree.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
                format!(
                    "{} {} {}",
                    word("/apiVersion"),
                    word("/kind"),
                    word("/name")
                )
            }
            Err(error) => {
                let place = error.spans.locate(error.pointer).focus;
                format!("{place}: {}", error.problem)
            }
        };
        objects(document).into_iter().map(show).collect()
    }

    #[test]
    fn items_of_any_list_have_the_kind_that_it_implies_unless_they_have_their_own() {
        let items = "items: [{name: a}, {apiVersion: v1, kind: Secret, name: b}]";
        for (list, first) in [
            (
                "{apiVersion: apps/v1, kind: DeploymentList, ",
                "apps/v1 Deployment a",
            ),
            ("{apiVersion: v1, kind: ConfigMapList, ", "v1 ConfigMap a"),
            ("{apiVersion: shop/v1, kind: Cart, ", "shop/v1 Cart a"),
        ] {
            assert_eq!(shown(&format!("{list}{items}}}")), [first, "v1 Secret b"]);
        }
    }

    #[test]
    fn nested_lists_are_flattened() {
        let inner = "{apiVersion: apps/v1, kind: DeploymentList, items: [{name: a}, {name: b}]}";
        let outer =
            format!("{{kind: List, items: [{inner}, {{apiVersion: v1, kind: Pod, name: c}}]}}");
        assert_eq!(
            shown(&outer),
            ["apps/v1 Deployment a", "apps/v1 Deployment b", "v1 Pod c"]
        );
    }

    #[test]
    fn item_with_only_a_kind_or_a_version_keeps_it() {
        let list = "{apiVersion: v1, kind: ConfigMapList, items: [{kind: Secret, name: a}]}";
        assert_eq!(shown(list), ["? Secret a"]);
    }

    #[test]
    fn other_objects_are_returned_unchanged() {
        assert_eq!(shown("{kind: Deployment, name: a}"), ["? Deployment a"]);
        assert_eq!(shown("{items: [{name: a}]}"), ["? ? ?"]);
        assert_eq!(shown("[{kind: Pod}]"), ["? ? ?"]);
    }

    #[test]
    fn empty_list_has_no_objects() {
        for items in ["[]", "null"] {
            assert!(shown(&format!("{{apiVersion: v1, kind: List, items: {items}}}")).is_empty());
        }
    }

    #[test]
    fn invalid_list_is_reported_with_its_position() {
        for (text, expected) in [
            (
                "{kind: List, items: {a: b}}",
                "1:21: the `items` of a List must",
            ),
            (
                "{apiVersion: v1, kind: PodList, items: x}",
                "1:40: the `items` of a PodList must",
            ),
            (
                "{apiVersion: v1, kind: List, item: []}",
                "1:1: this List has no `items`",
            ),
            (
                "{kind: List, items: [a]}",
                "1:22: an item of a List must be an object",
            ),
            (
                "{kind: List, items: [{name: a}]}",
                "1:22: this item of a List has no",
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment, items: []}",
                "1:48: a Deployment has no",
            ),
        ] {
            let shown = shown(text);
            assert!(
                shown.len() == 1 && shown[0].starts_with(expected),
                "{shown:?}"
            );
        }
    }
}
