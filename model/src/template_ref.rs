//! The object from which an Argo Rollout takes its Pod template: `spec.workloadRef`.
//!
//! Sources in argo-rollouts: `ObjectRef` of pkg/apis/rollouts/v1alpha1/types.go, and
//! rollout/templateref.go for the kinds and the paths of their templates.

use std::fmt;

use crate::json::Value;

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
        Ok(Self {
            group: group(&api_version).to_owned(),
            kind: node.field("kind")?.text_or_empty()?,
            namespace: namespace.to_owned(),
            name: node.field("name")?.text_or_empty()?,
        })
    }

    /// Returns the reference to an object. `namespace` is that of one that names none.
    #[must_use]
    pub fn of_object(object: &Value, namespace: Option<&str>) -> Option<Self> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let own = text("/metadata/namespace").or(namespace);
        Some(Self {
            group: group(text("/apiVersion")?).to_owned(),
            kind: text("/kind")?.to_owned(),
            namespace: own.unwrap_or_default().to_owned(),
            name: text("/metadata/name")?.to_owned(),
        })
    }

    /// Whether Argo Rollouts takes templates from objects of this group and kind.
    #[must_use]
    pub fn is_possible(group: &str, kind: &str) -> bool {
        let mut sources = SOURCES.iter();
        sources.any(|source| source.group == group && source.kind == kind)
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

/// Another Pod template of an object from which Argo Rollouts may take theirs: each Rollout whose
/// `workloadRef` names the object is rolled out with it, although nobody changes the Rollout.
#[derive(Clone, Debug)]
pub struct TemplateChange {
    object: TemplateRef,
    old: Option<Value>,
    new: Value,
}

impl TemplateChange {
    /// Compares the object before and after; `None` if its template stays the same, or if Argo
    /// Rollouts takes no templates from such objects. `namespace` is that of the request.
    #[must_use]
    pub fn of(old: Option<&Value>, new: &Value, namespace: Option<&str>) -> Option<Self> {
        let object = TemplateRef::of_object(new, namespace)?;
        let template = object.source().ok()?.template;
        let old = old.and_then(|old| old.pointer(template));
        let new = new.pointer(template)?;
        (old != Some(new)).then(|| Self {
            object,
            old: old.cloned(),
            new: new.clone(),
        })
    }

    /// Whether this Argo Rollout takes its template from the changed object. Nothing else of the Rollout
    /// is read, so one that cannot be parsed matters only if it does.
    #[must_use]
    pub fn is_taken_by(&self, rollout: &Value) -> bool {
        let reference = rollout.pointer("/spec/workloadRef");
        let text = |key| reference.and_then(|it| it.get(key)?.as_str());
        let api_version = text("apiVersion").unwrap_or_default();
        group(api_version) == self.object.group
            && text("kind") == Some(&self.object.kind)
            && text("name") == Some(&self.object.name)
    }

    /// Returns the object that has the template.
    #[must_use]
    pub const fn object(&self) -> &TemplateRef {
        &self.object
    }

    /// Returns the template that it had; `None` if the object is new.
    pub(crate) fn old(&self) -> Option<Value> {
        self.old.clone()
    }

    #[expect(
        clippy::new_ret_no_self,
        clippy::wrong_self_convention,
        reason = "the contract calls what follows `new`"
    )]
    pub(crate) fn new(&self) -> Value {
        self.new.clone()
    }
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
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
