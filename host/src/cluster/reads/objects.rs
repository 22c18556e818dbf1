//! Objects as policies are shown them: without `managedFields`, sorted, within bounds.

use std::sync::Arc;

use kube::Client;
use kube::api::GetParams;
use rollgate_model::{ClusterError, ClusterErrorCode};
use serde_json::Value;

use super::discovery::Resource;
use super::failure::Failure;
use super::fetch::{Pages, fetch};
use super::names;
use crate::sources::{ListQuery, ObjectRef};

/// The most objects of one list, and the most bytes of them as policies see them.
const MOST_OBJECTS: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;

/// The texts of an answer.
pub(super) type Objects = Arc<[Arc<str>]>;

/// What was asked for, by which answers are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    api_version: String,
    kind: String,
    namespace: String,
    which: Which,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Which {
    Named(String),
    Selected(String),
}

impl Question {
    pub(super) fn one(object: ObjectRef<'_>) -> Self {
        Self {
            api_version: object.api_version.to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.to_owned(),
            which: Which::Named(object.name.to_owned()),
        }
    }

    pub(super) fn many(query: ListQuery<'_>) -> Self {
        Self {
            api_version: query.api_version.to_owned(),
            kind: query.kind.to_owned(),
            namespace: query.namespace.to_owned(),
            which: Which::Selected(query.label_selector.to_owned()),
        }
    }

    pub(super) fn api_version(&self) -> &str {
        &self.api_version
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// The bytes it takes to remember it.
    pub(super) fn weight(&self) -> usize {
        let (Which::Named(text) | Which::Selected(text)) = &self.which;
        self.api_version.len() + self.kind.len() + self.namespace.len() + text.len()
    }

    /// Whether all of it can stand in a request.
    pub(super) fn check(&self) -> Result<(), ClusterError> {
        names::namespace(&self.namespace)?;
        match &self.which {
            Which::Named(name) => names::object(name),
            Which::Selected(selector) => names::selector(selector),
        }
    }

    fn place(&self) -> String {
        if self.namespace.is_empty() {
            "in the whole cluster".to_owned()
        } else {
            format!("in namespace `{}`", self.namespace)
        }
    }
}

/// Reads what was asked for.
pub(super) async fn read(
    client: &Client,
    resource: &Resource,
    question: &Question,
) -> Result<Objects, ClusterError> {
    // The gate knows Secrets by their kind; here they are known by where they are.
    if resource.group.is_empty() && resource.plural == "secrets" {
        return Err(ClusterError {
            code: ClusterErrorCode::NotGranted,
            message: "Secrets are never shown to policies".into(),
        });
    }
    scope_is_right(resource, question)?;
    let (verb, read) = match &question.which {
        Which::Named(name) => ("get", one(client, resource, question, name).await),
        Which::Selected(selector) => ("list", many(client, resource, question, selector).await),
    };
    read.map_err(|failure| failure.about(resource, verb, &question.place()))
}

/// A grant for one namespace must not open what belongs to all.
fn scope_is_right(resource: &Resource, question: &Question) -> Result<(), ClusterError> {
    let Question {
        kind, namespace, ..
    } = question;
    let named = matches!(question.which, Which::Named(_));
    if !resource.is_namespaced() && !namespace.is_empty() {
        return Err(names::invalid(format!(
            "a {kind} belongs to no namespace; ask for it with an empty one, and not with `{namespace}`"
        )));
    }
    if resource.is_namespaced() && namespace.is_empty() && named {
        return Err(names::invalid(format!(
            "a {kind} belongs to a namespace; name it"
        )));
    }
    Ok(())
}

async fn one(
    client: &Client,
    resource: &Resource,
    question: &Question,
    name: &str,
) -> Result<Objects, Failure> {
    let request = kube::core::Request::new(resource.path(&question.namespace))
        .get(name, &GetParams::default())
        .map_err(|error| Failure::Odd(error.to_string()))?;
    let object: Value = fetch(client, request).await?;
    Ok([text(object, question)].into())
}

async fn many(
    client: &Client,
    resource: &Resource,
    question: &Question,
    selector: &str,
) -> Result<Objects, Failure> {
    let mut pages = Pages::new(client, resource.path(&question.namespace), selector);
    let mut found = Vec::new();
    let mut bytes = 0;
    while let Some(page) = pages.next::<Value>().await? {
        for object in page {
            let key = ["namespace", "name"].map(|field| {
                let name = object["metadata"][field].as_str();
                name.unwrap_or_default().to_owned()
            });
            let text = text(object, question);
            bytes += text.len();
            found.push((key, text));
        }
        if found.len() > MOST_OBJECTS || bytes > MOST_BYTES {
            return Err(Failure::TooLarge);
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

/// The items of a list carry neither apiVersion nor kind in Kubernetes' own API.
fn text(mut object: Value, question: &Question) -> Arc<str> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(fields) = object.as_object_mut() {
        let mut insert = |field: &str, value: &str| {
            fields.entry(field).or_insert_with(|| value.into());
        };
        insert("apiVersion", &question.api_version);
        insert("kind", &question.kind);
    }
    object.to_string().into()
}
