//! Ceilings for `RolloutPolicy` objects of the cluster, which tenants write: how much one evaluation may
//! use, and how many of them a namespace may have.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::configuration::{PolicyItem, RefusedItem};
use super::{Problem, RefusalCause};
use crate::engine::Limits;

/// What a `RolloutPolicy` may set at most, and how many a namespace may have; `None` is no ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// For `spec.timeout`.
    pub timeout: Option<Duration>,
    /// For `spec.cpu`.
    pub cpu: Option<Duration>,
    /// For `spec.memory`, in bytes.
    pub memory: Option<usize>,
    /// For the number of policies in a namespace.
    pub policies: Option<usize>,
}

impl Ceilings {
    /// Checks a policy that was read from `spec`. A limit that it leaves out is lowered to the ceiling.
    ///
    /// # Errors
    /// The policy, refused, if it sets a limit above the ceiling.
    pub(crate) fn check(
        &self,
        mut item: PolicyItem,
        spec: &Value,
    ) -> Result<PolicyItem, Box<RefusedItem>> {
        let Limits {
            timeout,
            cpu,
            memory,
        } = &mut item.policy.limits;
        let above = [
            lower(timeout, self.timeout, spec.get("timeout")).map(|ceiling| Above {
                field: "timeout",
                ceiling: duration(ceiling),
                value: "tenants.maxTimeout",
            }),
            lower(cpu, self.cpu, spec.get("cpu")).map(|ceiling| Above {
                field: "cpu",
                ceiling: duration(ceiling),
                value: "tenants.maxCPU",
            }),
            lower(memory, self.memory, spec.get("memory")).map(|ceiling| Above {
                field: "memory",
                ceiling: size(ceiling),
                value: "tenants.maxMemory",
            }),
        ];
        let problems: Vec<_> = above
            .into_iter()
            .flatten()
            .map(|above| above.problem(&item, spec))
            .collect();
        if problems.is_empty() {
            Ok(item)
        } else {
            Err(Box::new(item.refused(problems)))
        }
    }

    /// Refuses a policy because its namespace has too many: it is number `rank` of them by age.
    pub(crate) fn too_many(item: PolicyItem, rank: usize, most: usize) -> RefusedItem {
        let namespace = item.policy.name.namespace().unwrap_or_default();
        let message = format!(
            "by age, this is RolloutPolicy number {rank} of the namespace `{namespace}`, and the ceiling is {most}"
        );
        let hint =
            "delete others, or ask the administrators of rollgate to raise `tenants.maxPolicies`";
        let problem = item.problem("", message).hint(hint);
        item.refused(vec![problem])
    }
}

/// A limit that is set above the ceiling.
struct Above {
    field: &'static str,
    ceiling: String,
    /// The chart's value.
    value: &'static str,
}

impl Above {
    fn problem(&self, item: &PolicyItem, spec: &Value) -> Problem {
        let Self {
            field,
            ceiling,
            value,
        } = self;
        let set = match &spec[*field] {
            Value::String(text) => text.escape_debug().to_string(),
            other => other.to_string(),
        };
        let message = format!(
            "`{set}` is above the ceiling for policies of namespaces, which is `{ceiling}`"
        );
        let hint = format!(
            "write at most `{ceiling}`, or ask the administrators of rollgate to raise `{value}`"
        );
        item.problem(&format!("/spec/{field}"), message).hint(hint)
    }
}

impl PolicyItem {
    /// Refuses the policy because of a ceiling.
    fn refused(self, problems: Vec<Problem>) -> RefusedItem {
        RefusedItem {
            name: self.policy.name,
            matches: self.policy.matches,
            action: self.policy.action,
            on_error: self.policy.on_error,
            cause: RefusalCause::Ceiling,
            problems,
            generation: self.generation,
        }
    }
}

/// Returns the ceiling if a limit is above it and was set. One that was left out is lowered.
fn lower<T: Copy + PartialOrd>(
    limit: &mut T,
    ceiling: Option<T>,
    set: Option<&Value>,
) -> Option<T> {
    let ceiling = ceiling.filter(|ceiling| *limit > *ceiling)?;
    if set.is_some_and(|value| !value.is_null()) {
        return Some(ceiling);
    }
    *limit = ceiling;
    None
}

fn duration(time: Duration) -> String {
    SignedDuration::try_from(time).map_or_else(|_| format!("{time:?}"), |time| format!("{time:#}"))
}

fn size(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    match bytes {
        bytes if bytes.is_multiple_of(MIB) => format!("{}Mi", bytes / MIB),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{ModuleFolder, ObjectHead, read_policy};

    const CEILINGS: Ceilings = Ceilings {
        timeout: Some(Duration::from_secs(1)),
        cpu: Some(Duration::from_millis(200)),
        memory: Some(32 << 20),
        policies: Some(2),
    };

    fn item(spec: &Value) -> PolicyItem {
        let head = ObjectHead {
            namespace: Some("shop".to_owned()),
            name: "probes".to_owned(),
            generation: Some(3),
        };
        read_policy(&head, spec, &ModuleFolder::default()).expect("a sound policy")
    }

    #[test]
    fn limits_at_the_ceiling_are_accepted() {
        let spec = json!({"module": {"builtin": "probes"}, "timeout": "1s", "cpu": "200ms", "memory": "32Mi"});
        let checked = CEILINGS.check(item(&spec), &spec).expect("accepted");
        assert_eq!(checked.policy.limits, item(&spec).policy.limits);
    }

    #[test]
    fn limit_that_is_left_out_is_lowered_to_the_ceiling() {
        let spec = json!({"module": {"builtin": "probes"}});
        let usual = item(&spec).policy.limits;
        let checked = CEILINGS.check(item(&spec), &spec).expect("accepted");
        let limits = checked.policy.limits;
        assert!(limits.timeout < usual.timeout);
        assert_eq!(limits.timeout, Duration::from_secs(1));
        assert_eq!((limits.cpu, limits.memory), (usual.cpu, usual.memory));
    }

    #[test]
    fn every_limit_above_its_ceiling_is_reported_with_value_and_ceiling() {
        let spec = json!({"module": {"builtin": "probes"}, "onError": "Allow", "timeout": "2s", "cpu": "1s", "memory": 64 << 20});
        let refused = CEILINGS.check(item(&spec), &spec).expect_err("refused");
        assert_eq!(refused.cause, RefusalCause::Ceiling);
        assert_eq!(refused.on_error, crate::config::OnError::Allow);
        assert_eq!(refused.generation, Some(3));
        let told: Vec<_> = refused.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "RolloutPolicy shop/probes: spec.timeout: `2s` is above the ceiling for policies of namespaces, which is `1s` (hint: write at most `1s`, or ask the administrators of rollgate to raise `tenants.maxTimeout`)",
                "RolloutPolicy shop/probes: spec.cpu: `1s` is above the ceiling for policies of namespaces, which is `200ms` (hint: write at most `200ms`, or ask the administrators of rollgate to raise `tenants.maxCPU`)",
                "RolloutPolicy shop/probes: spec.memory: `67108864` is above the ceiling for policies of namespaces, which is `32Mi` (hint: write at most `32Mi`, or ask the administrators of rollgate to raise `tenants.maxMemory`)",
            ]
        );
    }

    #[test]
    fn without_ceilings_every_valid_limit_is_accepted() {
        let spec = json!({"module": {"builtin": "probes"}, "timeout": "30s", "cpu": "30s", "memory": "256Mi"});
        let checked = Ceilings::default().check(item(&spec), &spec);
        assert_eq!(
            checked.expect("accepted").policy.limits,
            item(&spec).policy.limits
        );
    }
}
