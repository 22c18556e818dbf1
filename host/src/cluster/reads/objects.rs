//! Reads objects for policies: without `managedFields`, lists sorted and limited.

use std::sync::Arc;

use kube::Client;
use kube::api::GetParams;
use rollgate_model::json::Value;
use rollgate_model::{ClusterError, ClusterErrorCode};

use super::discovery::Resource;
use super::names;
use super::pages::Pages;
use super::request::{RequestError, fetch};
use crate::sources::{KindRef, ListQuery, ObjectRef};

/// The most objects of a list, and their most bytes as policies see them.
const MAX_OBJECTS: usize = 1_000;
const MAX_BYTES: usize = 4 << 20;

/// Objects as JSON text.
pub(super) type Objects = Arc<[Arc<str>]>;

/// A query for one object or for a list; the key of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Query {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    selection: Selection,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Selection {
    Name(String),
    Labels(String),
}

impl Query {
    pub(super) fn get(object: ObjectRef<'_>) -> Self {
        let selection = Selection::Name(object.name.to_owned());
        Self::new(object.kind, object.namespace, selection)
    }

    pub(super) fn list(query: ListQuery<'_>) -> Self {
        let selection = Selection::Labels(query.label_selector.to_owned());
        Self::new(query.kind, query.scope.namespace(), selection)
    }

    fn new(kind: KindRef<'_>, namespace: Option<&str>, selection: Selection) -> Self {
        Self {
            api_version: kind.api_version.to_owned(),
            kind: kind.kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            selection,
        }
    }

    pub(super) fn kind(&self) -> KindRef<'_> {
        KindRef {
            api_version: &self.api_version,
            kind: &self.kind,
        }
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns its size in memory.
    pub(super) fn bytes(&self) -> usize {
        let (Selection::Name(text) | Selection::Labels(text)) = &self.selection;
        let namespace = self.namespace.as_ref().map_or(0, String::len);
        self.api_version.len() + self.kind.len() + namespace + text.len()
    }

    /// Checks that every part of it is safe in a path.
    pub(super) fn check(&self) -> Result<(), ClusterError> {
        self.namespace().map_or(Ok(()), names::namespace)?;
        match &self.selection {
            Selection::Name(name) => names::object(name),
            Selection::Labels(selector) => names::selector(selector),
        }
    }

    fn location(&self) -> String {
        match self.namespace() {
            None => "in the whole cluster".to_owned(),
            Some(namespace) => format!("in namespace `{namespace}`"),
        }
    }
}

/// Sends a query.
pub(super) async fn read(
    client: &Client,
    resource: &Resource,
    query: &Query,
) -> Result<Objects, ClusterError> {
    // Grants for the kind `Secret` are refused before; this refuses its path, whatever the kind is called.
    if resource.group.is_empty() && resource.plural == "secrets" {
        return Err(ClusterError {
            code: ClusterErrorCode::NotGranted,
            message: "Secrets are never shown to policies".into(),
        });
    }
    check_scope(resource, query)?;
    let (verb, read) = match &query.selection {
        Selection::Name(name) => ("get", get(client, resource, query, name).await),
        Selection::Labels(selector) => ("list", list(client, resource, query, selector).await),
    };
    read.map_err(|error| error.for_resource(resource, verb, &query.location()))
}

/// Checks the namespace, so that a grant for one namespace does not include cluster-scoped objects.
fn check_scope(resource: &Resource, query: &Query) -> Result<(), ClusterError> {
    let kind = &query.kind;
    match (query.namespace(), &query.selection) {
        (Some(namespace), _) if !resource.is_namespaced() => Err(names::invalid(format!(
            "a {kind} is cluster-scoped; request it with an empty namespace, and not with `{namespace}`"
        ))),
        (None, Selection::Name(_)) if resource.is_namespaced() => Err(names::invalid(format!(
            "a {kind} belongs to a namespace; name it"
        ))),
        _ => Ok(()),
    }
}

async fn get(
    client: &Client,
    resource: &Resource,
    query: &Query,
    name: &str,
) -> Result<Objects, RequestError> {
    let request = kube::core::Request::new(resource.path(query.namespace()))
        .get(name, &GetParams::default())
        .map_err(|error| RequestError::Malformed(error.to_string()))?;
    let object: Value = fetch(client, request).await?;
    Ok([text(object, query)].into())
}

async fn list(
    client: &Client,
    resource: &Resource,
    query: &Query,
    selector: &str,
) -> Result<Objects, RequestError> {
    let mut pages = Pages::new(client, resource.path(query.namespace()), selector);
    let mut found = Vec::new();
    let (mut bytes, mut too_large) = (0, false);
    let mut keep = |object: Value| {
        if too_large {
            return;
        }
        let key = ["namespace", "name"].map(|field| {
            let name = object.field("metadata").field(field).as_str();
            name.unwrap_or_default().to_owned()
        });
        let text = text(object, query);
        bytes += text.len();
        found.push((key, text));
        too_large = found.len() > MAX_OBJECTS || bytes > MAX_BYTES;
    };
    while pages.next(&mut keep).await? {}
    if too_large {
        return Err(RequestError::TooLarge);
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

/// Returns an object as text. The items of a list have neither apiVersion nor kind in Kubernetes' own API.
fn text(mut object: Value, query: &Query) -> Arc<str> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(fields) = object.as_object_mut() {
        let mut insert = |field: &str, value: &str| {
            if fields.get(field).is_none() {
                fields.insert(field, value.into());
            }
        };
        insert("apiVersion", &query.api_version);
        insert("kind", &query.kind);
    }
    object.to_string().into()
}
