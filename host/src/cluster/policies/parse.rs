//! Parses objects into a configuration. An object that does not parse keeps no other one from becoming
//! active, and a policy that does not parse is never just left out.

use std::collections::HashMap;

use serde_json::Value;

use super::excess;
use super::objects::{ObjectKey, WatchedKind, WatchedObject};
use crate::config::{
    BrokenSource, Ceilings, Configuration, ModuleFolder, PolicyItem, Problem, RefusedItem,
    SourceItem, read_policy, read_source,
};

/// Parses objects, and remembers the last valid version of each.
pub(super) struct ObjectParser {
    modules: ModuleFolder,
    ceilings: Ceilings,
    valid: HashMap<ObjectKey, LastValid>,
}

#[derive(Clone)]
struct LastValid {
    uid: String,
    generation: Option<i64>,
    item: Item,
}

#[derive(Clone)]
enum Item {
    Policy(Box<PolicyItem>),
    /// A policy that is valid but above a ceiling.
    Refused(Box<RefusedItem>),
    Source(Box<SourceItem>),
}

/// An object that does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct InvalidObject {
    pub(in crate::cluster) key: ObjectKey,
    pub(in crate::cluster) generation: Option<i64>,
    pub(in crate::cluster) problems: Vec<Problem>,
    pub(in crate::cluster) fallback: Fallback,
}

/// What is active in place of an object that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Fallback {
    /// Its last valid version, of this generation.
    LastValid(Option<i64>),
    /// A policy whose evaluation always fails, or a metric source whose queries always fail.
    Failing,
    /// Nothing: what the policy matches cannot be read.
    Nothing,
}

impl ObjectParser {
    pub(super) fn new(modules: ModuleFolder, ceilings: Ceilings) -> Self {
        Self {
            modules,
            ceilings,
            valid: HashMap::new(),
        }
    }

    /// Parses all objects.
    pub(super) fn parse(
        &mut self,
        objects: &[WatchedObject],
    ) -> (Configuration, Vec<InvalidObject>) {
        let mut parsed = ParsedObjects::default();
        let mut valid = HashMap::new();
        for object in objects {
            let key = object.key();
            let last = self
                .valid
                .remove(&key)
                .filter(|last| last.uid == object.uid());
            if let Some(last) = self.parse_object(object, &key, last, &mut parsed) {
                valid.insert(key, last);
            }
        }
        self.valid = valid;
        if let Some(most) = self.ceilings.policies {
            excess::refuse(objects, most, &mut parsed.configuration);
        }
        parsed.invalid.iter().for_each(log);
        (parsed.configuration, parsed.invalid)
    }

    /// Parses one object, and returns its last valid version.
    fn parse_object(
        &self,
        object: &WatchedObject,
        key: &ObjectKey,
        last: Option<LastValid>,
        parsed: &mut ParsedObjects,
    ) -> Option<LastValid> {
        let (generation, head) = (object.generation(), object.head());
        let spec = &object.data()["spec"];
        let result = match key.kind {
            WatchedKind::RolloutPolicy | WatchedKind::ClusterRolloutPolicy => {
                read_policy(&head, spec, &self.modules)
                    .map(|item| self.within_ceilings(key.kind, item, spec))
                    .map_err(|misread| (misread.problems, misread.refused))
            }
            WatchedKind::MetricSource => read_source(&head, spec)
                .map(|item| Item::Source(Box::new(item)))
                .map_err(|problem| (vec![problem], None)),
        };
        let (problems, stand_in) = match result {
            Ok(item) => {
                parsed.add(item.clone());
                return Some(LastValid {
                    uid: object.uid().to_owned(),
                    generation,
                    item,
                });
            }
            Err(invalid) => invalid,
        };
        let fallback = if let Some(last) = &last {
            parsed.add(last.item.clone());
            Fallback::LastValid(last.generation)
        } else if let Some(stand_in) = stand_in {
            parsed.configuration.refused.push(*stand_in);
            Fallback::Failing
        } else if let (WatchedKind::MetricSource, [problem]) = (key.kind, problems.as_slice()) {
            parsed.configuration.broken_sources.push(BrokenSource {
                name: key.name.clone(),
                problem: problem.clone(),
                generation,
            });
            Fallback::Failing
        } else {
            Fallback::Nothing
        };
        parsed.invalid.push(InvalidObject {
            key: key.clone(),
            generation,
            problems,
            fallback,
        });
        last
    }

    /// Refuses a policy of a namespace that is above a ceiling. Cluster policies have none.
    fn within_ceilings(&self, kind: WatchedKind, item: PolicyItem, spec: &Value) -> Item {
        if kind == WatchedKind::ClusterRolloutPolicy {
            return Item::Policy(Box::new(item));
        }
        match self.ceilings.check(item, spec) {
            Ok(item) => Item::Policy(Box::new(item)),
            Err(refused) => Item::Refused(refused),
        }
    }
}

#[derive(Default)]
struct ParsedObjects {
    configuration: Configuration,
    invalid: Vec<InvalidObject>,
}

impl ParsedObjects {
    fn add(&mut self, item: Item) {
        match item {
            Item::Policy(item) => self.configuration.policies.push(*item),
            Item::Refused(item) => self.configuration.refused.push(*item),
            Item::Source(item) => self.configuration.sources.push(*item),
        }
    }
}

fn log(invalid: &InvalidObject) {
    let consequence = match invalid.fallback {
        Fallback::LastValid(_) => "its last valid version stays active",
        Fallback::Failing => "evaluations of the policy, or queries to the metric source, fail",
        Fallback::Nothing => "it is not active",
    };
    for problem in &invalid.problems {
        tracing::error!(%problem, consequence, "an object of the cluster is invalid");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::config::PolicyName;

    fn object(kind: WatchedKind, name: &str, generation: i64, spec: &Value) -> WatchedObject {
        let object = json!({
            "metadata": {"name": name, "uid": format!("uid-{name}"), "generation": generation},
            "spec": spec,
        });
        WatchedObject::new(
            kind,
            Arc::new(serde_json::from_value(object).expect("an object")),
        )
    }

    fn policy(name: &str, generation: i64, spec: &Value) -> WatchedObject {
        object(WatchedKind::ClusterRolloutPolicy, name, generation, spec)
    }

    fn sound() -> Value {
        json!({"module": {"builtin": "probes"}})
    }

    fn of_later_version() -> Value {
        json!({"module": {"builtin": "probes"}, "shadow": true})
    }

    fn parser() -> ObjectParser {
        ObjectParser::new(ModuleFolder::default(), Ceilings::default())
    }

    fn names(configuration: &Configuration) -> Vec<PolicyName> {
        let policies = configuration.policies.iter();
        policies.map(|item| item.policy.name.clone()).collect()
    }

    #[test]
    fn invalid_object_keeps_no_other_from_becoming_active() {
        let objects = [
            policy("a", 1, &of_later_version()),
            policy("b", 1, &sound()),
        ];
        let (configuration, invalid) = parser().parse(&objects);
        assert_eq!(names(&configuration), [PolicyName::cluster("b")]);
        assert_eq!(configuration.refused[0].name, PolicyName::cluster("a"));
        assert_eq!(configuration.problems, []);
        assert_eq!(invalid[0].fallback, Fallback::Failing);
        let told = invalid[0].problems[0].to_string();
        assert!(
            told.starts_with(
                "ClusterRolloutPolicy a: spec.shadow: there is no field `shadow` here"
            ),
            "{told}"
        );
    }

    #[test]
    fn last_valid_version_stays_active_until_the_object_is_fixed() {
        let mut parser = parser();
        parser.parse(&[policy("a", 1, &sound())]);
        for _ in 0..2 {
            let (configuration, invalid) = parser.parse(&[policy("a", 2, &of_later_version())]);
            assert_eq!(names(&configuration), [PolicyName::cluster("a")]);
            assert_eq!(configuration.policies[0].generation, Some(1));
            assert_eq!(invalid[0].generation, Some(2));
            assert_eq!(invalid[0].fallback, Fallback::LastValid(Some(1)));
        }
        let (configuration, invalid) = parser.parse(&[policy("a", 3, &sound())]);
        assert_eq!(configuration.policies[0].generation, Some(3));
        assert_eq!(invalid, []);
    }

    #[test]
    fn recreated_object_has_no_last_valid_version() {
        let mut parser = parser();
        parser.parse(&[policy("a", 1, &sound())]);
        parser.parse(&[]);
        let (configuration, invalid) = parser.parse(&[policy("a", 1, &of_later_version())]);
        assert_eq!(names(&configuration), []);
        assert_eq!(invalid[0].fallback, Fallback::Failing);
    }

    #[test]
    fn policy_with_an_invalid_match_is_not_active() {
        let spec = json!({"module": {"builtin": "probes"}, "match": {"users": ["jo"]}});
        let (configuration, invalid) = parser().parse(&[policy("a", 1, &spec)]);
        assert!(configuration.refused.is_empty());
        assert_eq!(invalid[0].fallback, Fallback::Nothing);
    }

    #[test]
    fn invalid_metric_source_is_known_and_its_queries_fail() {
        let spec = json!({"prometheus": {"url": "http://prom:9090", "quantile": 3}});
        let source = object(WatchedKind::MetricSource, "prod", 1, &spec);
        let (configuration, invalid) = parser().parse(&[source]);
        assert_eq!(configuration.broken_sources[0].name, "prod");
        assert_eq!(configuration.source_names().collect::<Vec<_>>(), ["prod"]);
        assert_eq!(invalid[0].fallback, Fallback::Failing);
    }
}
