//! Reads policies and metric sources as the API server gives them: what [`super::read`] does for
//! files, for one object at a time.

use std::path::PathBuf;
use std::sync::Arc;

use rollgate_model::yaml::{self, FieldError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compile;
use super::configuration::{PolicyItem, RefusedItem, SourceItem};
use super::module::ModuleSource;
use super::wire::{MatchSpec, Metadata, PolicyObject, PolicySpec};
use super::{Place, PolicyName, Problem};
use crate::sources::{ApiVersion, Kind, MetricSource, MetricSourceSpec};

/// What names an object, and which version of its spec it is.
#[derive(Clone, Debug)]
pub struct Head {
    /// The namespace; a policy without one is a ClusterRolloutPolicy.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
}

/// Where the module files are that policies of the cluster name.
#[derive(Clone, Debug, Default)]
pub struct Modules(pub Option<PathBuf>);

/// A policy that cannot be read as it is written.
#[derive(Clone, Debug)]
pub struct Misread {
    /// Why.
    pub problems: Vec<Problem>,
    /// What stands in force for it, where no earlier version of it does. `None` where it cannot be
    /// told which rollouts it would judge.
    pub stand_in: Option<Box<RefusedItem>>,
}

/// Reads a policy.
///
/// # Errors
/// It cannot be read as it is written: it breaks the rules of a policy, or was written for another
/// version of rollgate.
pub fn read_policy(head: &Head, spec: &Value, modules: &Modules) -> Result<PolicyItem, Misread> {
    let place = head.place();
    compiled(head, spec, modules, &place).map_err(|problems| Misread {
        stand_in: stand_in(head, spec, &problems).map(Box::new),
        problems,
    })
}

/// Reads a metric source.
///
/// # Errors
/// It cannot be read as it is written.
pub fn read_source(head: &Head, spec: &Value) -> Result<SourceItem, Problem> {
    let place = Place::Object(format!("MetricSource {}", head.name).into());
    let spec: MetricSourceSpec = fit(spec, &place)?;
    let source = MetricSource {
        api_version: ApiVersion::V1Alpha1,
        kind: Kind::MetricSource,
        metadata: crate::sources::Metadata::named(&head.name),
        spec,
    };
    Ok(SourceItem {
        source,
        place,
        generation: head.generation,
    })
}

fn compiled(
    head: &Head,
    spec: &Value,
    modules: &Modules,
    place: &Place,
) -> Result<PolicyItem, Vec<Problem>> {
    let spec: PolicySpec = fit(spec, place).map_err(|problem| vec![problem])?;
    let problem = |mistake: compile::Mistake| place.problem(&mistake.pointer, mistake.message);
    let mut policy = compile::policy(head.object(spec))
        .map_err(|mistakes| mistakes.into_iter().map(problem).collect::<Vec<_>>())?;
    if let ModuleSource::File(file) = &mut policy.module {
        let found = modules.find(file.to_str().unwrap_or_default());
        *file = found.map_err(|why| vec![place.problem("/spec/module/file", why)])?;
    }
    Ok(PolicyItem {
        policy,
        place: place.clone(),
        generation: head.generation,
    })
}

/// A policy that fails, as far as what it would judge can be read. Where its action and `onError`
/// cannot, it denies.
fn stand_in(head: &Head, spec: &Value, problems: &[Problem]) -> Option<RefusedItem> {
    let matches: MatchSpec = match spec.get("match") {
        Some(matches) => yaml::from_value(matches).ok()?,
        None => MatchSpec::default(),
    };
    Some(RefusedItem {
        name: head.policy_name(),
        matches: compile::matches_alone(head.namespace.as_deref(), &matches)?,
        action: word(spec, "action"),
        on_error: word(spec, "onError"),
        problems: problems.to_vec(),
        generation: head.generation,
    })
}

fn word<T: DeserializeOwned + Default>(spec: &Value, field: &str) -> T {
    spec.get(field)
        .and_then(|word| yaml::from_value(word).ok())
        .unwrap_or_default()
}

fn fit<T: DeserializeOwned>(spec: &Value, place: &Place) -> Result<T, Problem> {
    yaml::from_value(spec).map_err(|FieldError { problem, pointer }| {
        place.problem(&format!("/spec{pointer}"), problem.to_string())
    })
}

impl Head {
    /// What people call the policy.
    #[must_use]
    pub fn policy_name(&self) -> PolicyName {
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

    fn place(&self) -> Place {
        let object: Arc<str> = format!("{} {}", self.kind(), self.policy_name()).into();
        Place::Object(object)
    }

    fn object(&self, spec: PolicySpec) -> PolicyObject {
        PolicyObject {
            api_version: super::wire::API_VERSION.to_owned(),
            kind: self.kind().to_owned(),
            metadata: Metadata::named(&self.name, self.namespace.as_deref()),
            spec,
            status: None,
        }
    }
}

impl Modules {
    /// Where the file of this name is. A path would lead out of the folder.
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

    fn head(namespace: Option<&str>) -> Head {
        Head {
            namespace: namespace.map(str::to_owned),
            name: "probes".to_owned(),
            generation: Some(3),
        }
    }

    fn read(namespace: Option<&str>, spec: &Value) -> Result<PolicyItem, Misread> {
        read_policy(&head(namespace), spec, &Modules(Some("/modules".into())))
    }

    fn told(misread: &Misread) -> Vec<String> {
        misread.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_module_file_is_looked_for_in_the_module_folder_and_nowhere_else() {
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
            let misread = read(None, &spec(file)).expect_err(file);
            assert!(told(&misread)[0].contains("and no path"), "{misread:?}");
        }
    }

    #[test]
    fn without_a_module_folder_a_file_is_no_module() {
        let spec = json!({"module": {"file": "a.wasm"}});
        let misread = read_policy(&head(None), &spec, &Modules::default()).expect_err("no folder");
        assert_eq!(
            told(&misread),
            [
                "ClusterRolloutPolicy probes: spec.module.file: this rollgate was started without a module folder (--modules), so only `builtin` modules can be used"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_told_by_its_path_in_the_object() {
        let spec = json!({"module": {"builtin": "probes"}, "match": {"kinds": ["Deployment", "Pod"]}, "timeout": "1h"});
        let misread = read(Some("shop"), &spec).expect_err("mistakes");
        assert_eq!(
            told(&misread),
            [
                "RolloutPolicy shop/probes: spec.timeout: a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`",
                "RolloutPolicy shop/probes: spec.match.kinds[1]: `Pod` is not allowed here; known are `Deployment`, `StatefulSet`, `DaemonSet`, `Rollout`, `Service`",
            ]
        );
    }

    #[test]
    fn a_policy_of_a_later_version_stands_as_one_that_fails_where_it_tells_what_it_judges() {
        let spec = json!({"module": {"oci": "registry/x"}, "match": {"kinds": ["Deployment"]}, "action": "Warn", "onError": "Ask"});
        let misread = read(None, &spec).expect_err("a field of a later version");
        let stand_in = misread.stand_in.expect("its match can be read");
        assert_eq!(
            (stand_in.action, stand_in.on_error),
            (Action::Warn, OnError::Deny)
        );
        assert_eq!(stand_in.generation, Some(3));
    }

    #[test]
    fn a_policy_that_does_not_tell_what_it_judges_cannot_stand() {
        for matches in [
            json!({"users": ["jo"]}),
            json!({"kinds": ["Pod"]}),
            json!("all"),
        ] {
            let spec = json!({"module": {"builtin": "probes"}, "match": matches});
            let misread = read(None, &spec).expect_err("a field of a later version");
            assert!(misread.stand_in.is_none(), "{misread:?}");
        }
    }

    #[test]
    fn a_policy_with_a_namespace_reads_no_other() {
        let spec = |namespaces: Value| {
            json!({"module": {"builtin": "probes"}, "grants": {"cluster": [
                {"apiVersion": "v1", "kind": "Pod", "namespaces": namespaces},
            ]}})
        };
        let own = Some(["shop".to_owned()].into());
        let item = read(Some("shop"), &spec(json!(["shop"]))).expect("a sound policy");
        assert_eq!(item.policy.grants.cluster[0].namespaces, own);
        let misread = read(Some("shop"), &spec(json!(["shop", "bank"]))).expect_err("another");
        assert!(
            told(&misread)[0].contains("spec.grants.cluster[0].namespaces[1]"),
            "{misread:?}"
        );
        let everywhere = json!({"module": {"builtin": "probes"}, "grants": {"cluster": [
            {"apiVersion": "v1", "kind": "Pod"},
        ]}});
        let item = read(Some("shop"), &everywhere).expect("a sound policy");
        assert_eq!(item.policy.grants.cluster[0].namespaces, own);
    }
}
