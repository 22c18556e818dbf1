//! Refuses the policies of a namespace that has too many: the oldest count.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::objects::{WatchedKind, WatchedObject};
use crate::config::{Ceilings, Configuration, PolicyName};

/// Refuses each `RolloutPolicy` that has `most` older ones in its namespace. Of two with the same age, the
/// one whose name sorts first counts as older.
pub(super) fn refuse(objects: &[WatchedObject], most: usize, configuration: &mut Configuration) {
    let ranks = ranks_above(objects, most);
    if ranks.is_empty() {
        return;
    }
    let policies = std::mem::take(&mut configuration.policies);
    for item in policies {
        match ranks.get(&item.policy.name) {
            Some(rank) => {
                let refused = Ceilings::too_many(item, *rank, most);
                configuration.refused.push(refused);
            }
            None => configuration.policies.push(item),
        }
    }
}

/// Returns the rank by age, from 1, of each policy whose rank is above the ceiling. Those that are invalid
/// count as well.
fn ranks_above(objects: &[WatchedObject], most: usize) -> HashMap<PolicyName, usize> {
    let mut by_namespace: HashMap<String, Vec<(Option<&Time>, PolicyName)>> = HashMap::new();
    for object in objects {
        let key = object.key();
        if let (WatchedKind::RolloutPolicy, Some(namespace)) = (key.kind, key.namespace) {
            let created = object.metadata().creation_timestamp.as_ref();
            let policy = (created, object.head().policy_name());
            by_namespace.entry(namespace).or_default().push(policy);
        }
    }
    let mut above = HashMap::new();
    for mut policies in by_namespace.into_values() {
        if policies.len() <= most {
            continue;
        }
        policies.sort();
        let ranked = policies.into_iter().zip(1..).skip(most);
        above.extend(ranked.map(|((_, name), rank)| (name, rank)));
    }
    above
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::parse::ObjectParser;
    use super::*;
    use crate::config::{ModuleFolder, RefusalCause};

    fn policy(
        kind: WatchedKind,
        namespace: Option<&str>,
        name: &str,
        second: u32,
    ) -> WatchedObject {
        let object = json!({
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": format!("uid-{name}"),
                "generation": 1,
                "creationTimestamp": format!("2026-11-28T12:00:{second:02}Z"),
            },
            "spec": {"module": {"builtin": "probes"}},
        });
        let object = serde_json::from_value(object).expect("an object");
        WatchedObject::new(kind, Arc::new(object))
    }

    fn of_shop(name: &str, second: u32) -> WatchedObject {
        policy(WatchedKind::RolloutPolicy, Some("shop"), name, second)
    }

    fn loaded(objects: &[WatchedObject]) -> (Vec<String>, Vec<String>) {
        let ceilings = Ceilings {
            policies: Some(2),
            ..Ceilings::default()
        };
        let mut parser = ObjectParser::new(ModuleFolder::default(), ceilings);
        let (configuration, _) = parser.parse(objects);
        let policies = configuration.policies.iter();
        let refused = configuration.refused.iter();
        (
            policies.map(|item| item.policy.name.to_string()).collect(),
            refused
                .inspect(|item| assert_eq!(item.cause, RefusalCause::Ceiling))
                .map(|item| item.problems[0].to_string())
                .collect(),
        )
    }

    #[test]
    fn oldest_policies_of_a_namespace_count() {
        let (loaded, refused) = loaded(&[of_shop("a", 3), of_shop("b", 1), of_shop("c", 2)]);
        assert_eq!(loaded, ["shop/b", "shop/c"]);
        assert_eq!(
            refused,
            [
                "RolloutPolicy shop/a: by age, this is RolloutPolicy number 3 of the namespace `shop`, and the ceiling is 2 (hint: delete others, or ask the administrators of rollgate to raise `tenants.maxPolicies`)"
            ]
        );
    }

    #[test]
    fn of_policies_with_the_same_age_the_first_by_name_count() {
        let objects = [of_shop("b", 1), of_shop("c", 1), of_shop("a", 1)];
        assert_eq!(loaded(&objects).0, ["shop/b", "shop/a"]);
    }

    #[test]
    fn invalid_policy_takes_a_place() {
        let invalid = json!({
            "metadata": {"name": "a", "namespace": "shop", "creationTimestamp": "2026-11-28T12:00:01Z"},
            "spec": {"module": {"builtin": "probes"}, "shadow": true, "match": {"users": []}},
        });
        let invalid = serde_json::from_value(invalid).expect("an object");
        let invalid = WatchedObject::new(WatchedKind::RolloutPolicy, Arc::new(invalid));
        let (loaded, refused) = loaded(&[invalid, of_shop("b", 2), of_shop("c", 3)]);
        assert_eq!(loaded, ["shop/b"]);
        assert_eq!(refused.len(), 1);
    }

    #[test]
    fn cluster_policies_and_other_namespaces_do_not_count() {
        let cluster = |name| policy(WatchedKind::ClusterRolloutPolicy, None, name, 0);
        let objects = [
            cluster("x"),
            cluster("y"),
            cluster("z"),
            policy(WatchedKind::RolloutPolicy, Some("bank"), "a", 0),
            of_shop("a", 1),
            of_shop("b", 1),
        ];
        let (loaded, refused) = loaded(&objects);
        assert_eq!(loaded.len(), 6);
        assert_eq!(refused, Vec::<String>::new());
    }
}
