//! From objects to a configuration. An object that cannot be read keeps no other from coming into
//! force, and never leaves a hole where a policy was.

use std::collections::HashMap;

use super::object::{Followed, Key, Object};
use crate::config::{
    BrokenSource, Configuration, ModuleFolder, PolicyItem, Problem, SourceItem, read_policy,
    read_source,
};

/// Reads objects, and remembers those that could be read.
pub(super) struct Reader {
    modules: ModuleFolder,
    good: HashMap<Key, Good>,
}

/// The last version of an object that could be read.
#[derive(Clone)]
struct Good {
    uid: String,
    generation: Option<i64>,
    item: Item,
}

#[derive(Clone)]
enum Item {
    Policy(Box<PolicyItem>),
    Source(Box<SourceItem>),
}

/// An object that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The object.
    pub key: Key,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// Why.
    pub problems: Vec<Problem>,
    /// What is in force in its place.
    pub consequence: Consequence,
}

/// What is in force in the place of an object that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The last version of it that could be read, of this generation.
    LastGood(Option<i64>),
    /// A policy that judges by failing, or a source that tells whoever asks it why it cannot answer.
    Failing,
    /// Nothing: what the policy would judge cannot be told.
    Nothing,
}

impl Reader {
    pub(super) fn new(modules: ModuleFolder) -> Self {
        Self {
            modules,
            good: HashMap::new(),
        }
    }

    /// Reads all objects there are.
    pub(super) fn read(&mut self, objects: &[Object]) -> (Configuration, Vec<Fault>) {
        let mut into = Into::default();
        let mut good = HashMap::new();
        for object in objects {
            let key = object.key();
            let last = self
                .good
                .remove(&key)
                .filter(|last| last.uid == object.uid());
            if let Some(kept) = self.object(object, &key, last, &mut into) {
                good.insert(key, kept);
            }
        }
        self.good = good;
        into.faults.iter().for_each(log);
        (into.configuration, into.faults)
    }

    /// Reads one object; gives what to fall back to when its next version cannot be read.
    fn object(
        &self,
        object: &Object,
        key: &Key,
        last: Option<Good>,
        into: &mut Into,
    ) -> Option<Good> {
        let (generation, head) = (object.generation(), object.head());
        let spec = &object.data()["spec"];
        let read = match key.kind {
            Followed::RolloutPolicy | Followed::ClusterRolloutPolicy => {
                read_policy(&head, spec, &self.modules)
                    .map(|item| Item::Policy(Box::new(item)))
                    .map_err(|invalid| (invalid.problems, invalid.refused))
            }
            Followed::MetricSource => read_source(&head, spec)
                .map(|item| Item::Source(Box::new(item)))
                .map_err(|problem| (vec![problem], None)),
        };
        let (problems, refused) = match read {
            Ok(item) => {
                into.item(item.clone());
                let uid = object.uid().to_owned();
                return Some(Good {
                    uid,
                    generation,
                    item,
                });
            }
            Err(misread) => misread,
        };
        let consequence = if let Some(last) = &last {
            into.item(last.item.clone());
            Consequence::LastGood(last.generation)
        } else if let Some(refused) = refused {
            into.configuration.refused.push(*refused);
            Consequence::Failing
        } else if let (Followed::MetricSource, [problem]) = (key.kind, problems.as_slice()) {
            into.configuration.broken_sources.push(BrokenSource {
                name: key.name.clone(),
                problem: problem.clone(),
                generation,
            });
            Consequence::Failing
        } else {
            Consequence::Nothing
        };
        into.faults.push(Fault {
            key: key.clone(),
            generation,
            problems,
            consequence,
        });
        last
    }
}

#[derive(Default)]
struct Into {
    configuration: Configuration,
    faults: Vec<Fault>,
}

impl Into {
    fn item(&mut self, item: Item) {
        match item {
            Item::Policy(item) => self.configuration.policies.push(*item),
            Item::Source(item) => self.configuration.sources.push(*item),
        }
    }
}

fn log(fault: &Fault) {
    let consequence = match fault.consequence {
        Consequence::LastGood(_) => "the last version of it that could be read stays in force",
        Consequence::Failing => "what it matches or who asks it fails",
        Consequence::Nothing => "it is not in force",
    };
    for problem in &fault.problems {
        tracing::error!(%problem, consequence, "an object of the cluster cannot be read");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::config::PolicyName;

    fn object(kind: Followed, name: &str, generation: i64, spec: &Value) -> Object {
        let object = json!({
            "metadata": {"name": name, "uid": format!("uid-{name}"), "generation": generation},
            "spec": spec,
        });
        Object::new(
            kind,
            Arc::new(serde_json::from_value(object).expect("an object")),
        )
    }

    fn policy(name: &str, generation: i64, spec: &Value) -> Object {
        object(Followed::ClusterRolloutPolicy, name, generation, spec)
    }

    fn sound() -> Value {
        json!({"module": {"builtin": "probes"}})
    }

    fn of_later_version() -> Value {
        json!({"module": {"builtin": "probes"}, "shadow": true})
    }

    fn reader() -> Reader {
        Reader::new(ModuleFolder::default())
    }

    fn names(configuration: &Configuration) -> Vec<PolicyName> {
        let policies = configuration.policies.iter();
        policies.map(|item| item.policy.name.clone()).collect()
    }

    #[test]
    fn one_that_cannot_be_read_keeps_no_other_from_coming_into_force() {
        let objects = [
            policy("a", 1, &of_later_version()),
            policy("b", 1, &sound()),
        ];
        let (configuration, faults) = reader().read(&objects);
        assert_eq!(names(&configuration), [PolicyName::cluster("b")]);
        assert_eq!(configuration.refused[0].name, PolicyName::cluster("a"));
        assert_eq!(configuration.problems, []);
        assert_eq!(faults[0].consequence, Consequence::Failing);
        let told = faults[0].problems[0].to_string();
        assert!(
            told.starts_with(
                "ClusterRolloutPolicy a: spec.shadow: there is no field `shadow` here"
            ),
            "{told}"
        );
    }

    #[test]
    fn the_last_version_that_could_be_read_stays_until_it_is_mended() {
        let mut reader = reader();
        reader.read(&[policy("a", 1, &sound())]);
        for _ in 0..2 {
            let (configuration, faults) = reader.read(&[policy("a", 2, &of_later_version())]);
            assert_eq!(names(&configuration), [PolicyName::cluster("a")]);
            assert_eq!(configuration.policies[0].generation, Some(1));
            assert_eq!(faults[0].generation, Some(2));
            assert_eq!(faults[0].consequence, Consequence::LastGood(Some(1)));
        }
        let (configuration, faults) = reader.read(&[policy("a", 3, &sound())]);
        assert_eq!(configuration.policies[0].generation, Some(3));
        assert_eq!(faults, []);
    }

    #[test]
    fn one_that_was_deleted_and_made_again_has_no_last_version() {
        let mut reader = reader();
        reader.read(&[policy("a", 1, &sound())]);
        reader.read(&[]);
        let (configuration, faults) = reader.read(&[policy("a", 1, &of_later_version())]);
        assert_eq!(names(&configuration), []);
        assert_eq!(faults[0].consequence, Consequence::Failing);
    }

    #[test]
    fn one_that_does_not_tell_what_it_judges_is_not_in_force() {
        let spec = json!({"module": {"builtin": "probes"}, "match": {"users": ["jo"]}});
        let (configuration, faults) = reader().read(&[policy("a", 1, &spec)]);
        assert!(configuration.refused.is_empty());
        assert_eq!(faults[0].consequence, Consequence::Nothing);
    }

    #[test]
    fn a_metric_source_that_cannot_be_read_is_known_and_says_why() {
        let spec = json!({"prometheus": {"url": "http://prom:9090", "quantile": 3}});
        let source = object(Followed::MetricSource, "prod", 1, &spec);
        let (configuration, faults) = reader().read(&[source]);
        assert_eq!(configuration.broken_sources[0].name, "prod");
        assert_eq!(configuration.source_names().collect::<Vec<_>>(), ["prod"]);
        assert_eq!(faults[0].consequence, Consequence::Failing);
    }
}
