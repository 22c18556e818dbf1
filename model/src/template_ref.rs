//! The object from which an Argo Rollout takes its Pod template: `spec.workloadRef`.
//!
//! Sources in argo-rollouts: `ObjectRef` of pkg/apis/rollouts/v1alpha1/types.go, and
//! rollout/templateref.go for the kinds and the paths of their templates.

use std::fmt;

use serde_json::Value;

use crate::shape::ShapeError;
use crate::workload::Node;

/// A reference to the object that has the Pod template of an Argo Rollout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateRef {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

/// A kind of object from which Argo Rollouts takes templates.
struct Source {
    group: &'static str,
    kind: &'static str,
    api_version: &'static str,
    template: &'static str,
}

const SOURCES: [Source; 3] = [
    Source {
        group: "apps",
        kind: "Deployment",
        api_version: "apps/v1",
        template: "/spec/template",
    },
    Source {
        group: "apps",
        kind: "ReplicaSet",
        api_version: "apps/v1",
        template: "/spec/template",
    },
    Source {
        group: "",
        kind: "PodTemplate",
        api_version: "v1",
        template: "/template",
    },
];

impl TemplateRef {
    /// Parses `spec.workloadRef` of a Rollout in this namespace.
    pub(crate) fn read(node: &Node<'_, '_>, namespace: &str) -> Result<Self, ShapeError> {
        let api_version = node.field("apiVersion")?.text_or_empty()?;
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Ok(Self {
            group: group.to_owned(),
            kind: node.field("kind")?.text_or_empty()?,
            namespace: namespace.to_owned(),
            name: node.field("name")?.text_or_empty()?,
        })
    }

    /// Returns the API version and kind to read the object with. Argo Rollouts compares the group
    /// only.
    ///
    /// # Errors
    /// Argo Rollouts takes no template from this kind.
    pub fn kind(&self) -> Result<(&'static str, &'static str), String> {
        self.source()
            .map(|source| (source.api_version, source.kind))
    }

    /// Returns the namespace, which is that of the Rollout.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this object is the one referred to.
    #[must_use]
    pub fn names(&self, object: &Value) -> bool {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let Ok(source) = self.source() else {
            return false;
        };
        text("/apiVersion") == Some(source.api_version)
            && text("/kind") == Some(source.kind)
            && text("/metadata/name") == Some(&self.name)
            && text("/metadata/namespace").is_none_or(|namespace| namespace == self.namespace)
    }

    /// Returns the Pod template of the object referred to.
    ///
    /// # Errors
    /// The object has none.
    pub fn template_of(&self, object: &Value) -> Result<Value, String> {
        let template = object.pointer(self.source()?.template);
        template
            .cloned()
            .ok_or_else(|| "it has no Pod template".to_owned())
    }

    fn source(&self) -> Result<&'static Source, String> {
        let mut sources = SOURCES.iter();
        sources
            .find(|source| source.group == self.group && source.kind == self.kind)
            .ok_or_else(|| {
                "Argo Rollouts takes a template from a Deployment, a ReplicaSet (apps/v1) or a PodTemplate (v1) only".to_owned()
            })
    }
}

impl fmt::Display for TemplateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        match namespace.as_str() {
            "" => write!(f, "{kind} `{name}`"),
            namespace => write!(f, "{kind} `{namespace}/{name}`"),
        }
    }
}
