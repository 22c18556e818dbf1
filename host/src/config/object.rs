//! Reads policies and metric sources from objects of the API server, one at a time. [`super::read`]
//! does the same for files.

use std::path::PathBuf;
use std::sync::Arc;

use rollgate_yaml::{self as yaml, FieldError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compile;
use super::configuration::{PolicyItem, RefusedItem, SourceItem};
use super::module::ModuleSource;
use super::policy_spec::{MatchSpec, Metadata, PolicyObject, PolicySpec};
use super::{PolicyName, Problem, RefusalCause, SourceLocation};
use crate::sources::{ApiVersion, Kind, MetricSource, MetricSourceSpec};

/// The name of an object, and the version of its spec.
#[derive(Clone, Debug)]
pub(crate) struct ObjectHead {
    /// The namespace; a policy without one is a ClusterRolloutPolicy.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
}

/// The folder of module files for policies of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModuleFolder(pub Option<PathBuf>);

/// A policy that cannot be read as it is written.
#[derive(Clone, Debug)]
pub(crate) struct InvalidPolicy {
    /// Why.
    pub problems: Vec<Problem>,
    /// The policy to use if there is no earlier version: it fails each rollout that it matches. `None` if
    /// its match cannot be read.
    pub refused: Option<Box<RefusedItem>>,
}

/// Reads a policy.
///
/// # Errors
/// If it cannot be read as it is written: it is invalid, or it is for another version of rollgate.
pub(crate) fn read_policy(
    head: &ObjectHead,
    spec: &Value,
    modules: &ModuleFolder,
) -> Result<PolicyItem, InvalidPolicy> {
    let location = head.location();
    compiled(head, spec, modules, &location).map_err(|problems| InvalidPolicy {
        refused: refused(head, spec, &problems).map(Box::new),
        problems,
    })
}

/// Reads a metric source.
///
/// # Errors
/// If it cannot be read as it is written.
pub(crate) fn read_source(head: &ObjectHead, spec: &Value) -> Result<SourceItem, Problem> {
    let location = SourceLocation::Object(format!("MetricSource {}", head.name).into());
    let spec: MetricSourceSpec = fit(spec, &location)?;
    let source = MetricSource {
        api_version: ApiVersion::V1Alpha1,
        kind: Kind::MetricSource,
        metadata: crate::sources::Metadata::named(&head.name),
        spec,
    };
    Ok(SourceItem {
        source,
        location,
        generation: head.generation,
    })
}

fn compiled(
    head: &ObjectHead,
    spec: &Value,
    modules: &ModuleFolder,
    location: &SourceLocation,
) -> Result<PolicyItem, Vec<Problem>> {
    let spec: PolicySpec = fit(spec, location).map_err(|problem| vec![problem])?;
    let problem = |mistake: compile::Mistake| location.problem(&mistake.pointer, mistake.message);
    let mut policy = compile::policy(head.object(spec))
        .map_err(|mistakes| mistakes.into_iter().map(problem).collect::<Vec<_>>())?;
    if let ModuleSource::File(file) = &mut policy.module {
        let found = modules.find(file.to_str().unwrap_or_default());
        *file = found.map_err(|why| vec![location.problem("/spec/module/file", why)])?;
    }
    Ok(PolicyItem {
        policy,
        location: location.clone(),
        generation: head.generation,
    })
}

/// Returns a refused policy if its match can be read. Denies if its action or `onError` cannot be read.
fn refused(head: &ObjectHead, spec: &Value, problems: &[Problem]) -> Option<RefusedItem> {
    let matches: MatchSpec = match spec.get("match") {
        Some(matches) => yaml::from_value(matches).ok()?,
        None => MatchSpec::default(),
    };
    Some(RefusedItem {
        name: head.policy_name(),
        matches: compile::matches_alone(head.namespace.as_deref(), &matches)?,
        action: word(spec, "action"),
        on_error: word(spec, "onError"),
        cause: RefusalCause::Load,
        problems: problems.to_vec(),
        generation: head.generation,
    })
}

fn word<T: DeserializeOwned + Default>(spec: &Value, field: &str) -> T {
    spec.get(field)
        .and_then(|word| yaml::from_value(word).ok())
        .unwrap_or_default()
}

fn fit<T: DeserializeOwned>(spec: &Value, location: &SourceLocation) -> Result<T, Problem> {
    yaml::from_value(spec).map_err(|FieldError { problem, pointer }| {
        location.problem(&format!("/spec{pointer}"), problem.to_string())
    })
}

impl ObjectHead {
    /// Returns the name of the policy.
    #[must_use]
    pub(crate) fn policy_name(&self) -> PolicyName {
        match &self.namespace {
            Some(namespace) => PolicyName::namespaced(namespace, &self.name),
            None => PolicyName::cluster(&self.name),
        }
    }

    fn kind(&self) -> &'static str {
        match self.namespace {
            Some(_) => "RolloutPolicy",
            None => "ClusterRolloutPolicy",
        }
    }

    fn location(&self) -> SourceLocation {
        let object: Arc<str> = format!("{} {}", self.kind(), self.policy_name()).into();
        SourceLocation::Object(object)
    }

    fn object(&self, spec: PolicySpec) -> PolicyObject {
        PolicyObject {
            api_version: super::policy_spec::API_VERSION.to_owned(),
            kind: self.kind().to_owned(),
            metadata: Metadata::named(&self.name, self.namespace.as_deref()),
            spec,
            status: None,
        }
    }
}

impl ModuleFolder {
    /// Returns the path of a module file. The name must be no path, which could lead out of the folder.
    fn find(&self, name: &str) -> Result<PathBuf, String> {
        let sound = !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        match &self.0 {
            _ if !sound => Err("in the cluster this is the name of a file in the mounted module folder, such as `first_policy.wasm`, and no path".to_owned()),
            Some(folder) => Ok(folder.join(name)),
            None => Err("this rollgate was started without a module folder (--modules), so only `builtin` modules can be used".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Action, OnError};

    fn head(namespace: Option<&str>) -> ObjectHead {
        ObjectHead {
            namespace: namespace.map(str::to_owned),
            name: "probes".to_owned(),
            generation: Some(3),
        }
    }

    fn read(namespace: Option<&str>, spec: &Value) -> Result<PolicyItem, InvalidPolicy> {
        read_policy(
            &head(namespace),
            spec,
            &ModuleFolder(Some("/modules".into())),
        )
    }

    fn messages(invalid: &InvalidPolicy) -> Vec<String> {
        invalid.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn module_file_is_read_from_the_module_folder_only() {
        let spec = |file: &str| json!({"module": {"file": file}});
        let item = read(None, &spec("first_policy.wasm")).expect("a sound policy");
        let expected = ModuleSource::File("/modules/first_policy.wasm".into());
        assert_eq!(item.policy.module, expected);
        for file in [
            "../x.wasm",
            "/etc/passwd",
            "a/b.wasm",
            "..",
            "",
            ".hidden",
            "a\0.wasm",
            "ä.wasm",
        ] {
            let invalid = read(None, &spec(file)).expect_err(file);
            assert!(messages(&invalid)[0].contains("and no path"), "{invalid:?}");
        }
    }

    #[test]
    fn module_file_without_a_module_folder_is_a_problem() {
        let spec = json!({"module": {"file": "a.wasm"}});
        let invalid =
            read_policy(&head(None), &spec, &ModuleFolder::default()).expect_err("no folder");
        assert_eq!(
            messages(&invalid),
            [
                "ClusterRolloutPolicy probes: spec.module.file: this rollgate was started without a module folder (--modules), so only `builtin` modules can be used"
            ]
        );
    }

    #[test]
    fn mistake_is_reported_with_its_path_in_the_object() {
        let spec = json!({"module": {"builtin": "probes"}, "match": {"kinds": ["Deployment", "Pod"]}, "timeout": "1h"});
        let invalid = read(Some("shop"), &spec).expect_err("mistakes");
        assert_eq!(
            messages(&invalid),
            [
                "RolloutPolicy shop/probes: spec.timeout: a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`",
                "RolloutPolicy shop/probes: spec.match.kinds[1]: `Pod` is not allowed here; known are `Deployment`, `StatefulSet`, `DaemonSet`, `Rollout`, `Service`",
            ]
        );
    }

    #[test]
    fn policy_with_unknown_fields_is_refused_with_its_own_match() {
        let spec = json!({"module": {"oci": "registry/x"}, "match": {"kinds": ["Deployment"]}, "action": "Warn", "onError": "Ask"});
        let invalid = read(None, &spec).expect_err("a field of a later version");
        let refused = invalid.refused.expect("its match can be read");
        assert_eq!(
            (refused.action, refused.on_error),
            (Action::Warn, OnError::Deny)
        );
        assert_eq!(refused.generation, Some(3));
    }

    #[test]
    fn policy_with_an_invalid_match_is_not_refused_but_dropped() {
        for matches in [
            json!({"users": ["jo"]}),
            json!({"kinds": ["Pod"]}),
            json!("all"),
        ] {
            let spec = json!({"module": {"builtin": "probes"}, "match": matches});
            let invalid = read(None, &spec).expect_err("a field of a later version");
            assert!(invalid.refused.is_none(), "{invalid:?}");
        }
    }

    #[test]
    fn policy_with_a_namespace_is_granted_no_other() {
        let spec = |namespaces: Value| {
            json!({"module": {"builtin": "probes"}, "grants": {"cluster": [
                {"apiVersion": "v1", "kind": "Pod", "namespaces": namespaces},
            ]}})
        };
        let own = Some(["shop".to_owned()].into());
        let item = read(Some("shop"), &spec(json!(["shop"]))).expect("a sound policy");
        assert_eq!(item.policy.grants.cluster[0].namespaces, own);
        let invalid = read(Some("shop"), &spec(json!(["shop", "bank"]))).expect_err("another");
        assert!(
            messages(&invalid)[0].contains("spec.grants.cluster[0].namespaces[1]"),
            "{invalid:?}"
        );
        let everywhere = json!({"module": {"builtin": "probes"}, "grants": {"cluster": [
            {"apiVersion": "v1", "kind": "Pod"},
        ]}});
        let item = read(Some("shop"), &everywhere).expect("a sound policy");
        assert_eq!(item.policy.grants.cluster[0].namespaces, own);
    }
}
