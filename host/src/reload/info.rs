//! The document behind `/info`.

use serde::Serialize;

use super::ActivePolicies;
use crate::config::{Action, OnError, Policy, State};
use crate::engine::PolicyStart;

/// The versions of the policy contract that modules may be built for.
const CONTRACTS: [&str; 1] = ["rollgate:policy@0.1.0"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    version: &'static str,
    contracts: [&'static str; 1],
    /// When the policies were activated; absent before the first activation.
    in_force_since: Option<String>,
    policies: Vec<PolicyInfo<'a>>,
    /// Why the latest version of the policies is not active, or does not work.
    problems: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyInfo<'a> {
    name: &'a str,
    action: Action,
    on_error: OnError,
    #[serde(flatten)]
    state: StateInfo<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
enum StateInfo<'a> {
    Loading,
    #[serde(rename_all = "camelCase")]
    Ready {
        module: &'a str,
        module_version: &'a str,
        digest: String,
        /// Why each evaluation calls `configure`; absent if evaluations start from a snapshot.
        #[serde(skip_serializing_if = "Option::is_none")]
        no_snapshot: Option<&'a str>,
    },
    Refused {
        reason: String,
    },
}

impl ActivePolicies {
    /// Describes the active policies as JSON.
    pub(crate) fn info(&self) -> serde_json::Value {
        let active = self.gate.load();
        let policies = active
            .iter()
            .flat_map(|active| active.gate.policies().policies())
            .map(policy)
            .collect();
        let info = Info {
            version: env!("CARGO_PKG_VERSION"),
            contracts: CONTRACTS,
            in_force_since: active.as_ref().map(|active| active.since.to_string()),
            policies,
            problems: &self.problems.load(),
        };
        serde_json::to_value(info).expect("strings and lists are JSON")
    }
}

fn policy(policy: &Policy) -> PolicyInfo<'_> {
    let state = match &policy.state {
        State::Loading(_) => StateInfo::Loading,
        State::Ready(loaded) => StateInfo::Ready {
            module: &loaded.description().name,
            module_version: &loaded.description().version,
            digest: format!("sha256:{}", loaded.digest()),
            no_snapshot: match loaded.start() {
                PolicyStart::FromSnapshot => None,
                PolicyStart::ConfigureEachTime { reason } => Some(reason),
            },
        },
        State::Refused(refusal) => StateInfo::Refused {
            reason: refusal.to_string(),
        },
    };
    PolicyInfo {
        name: policy.name.as_str(),
        action: policy.action,
        on_error: policy.on_error,
        state,
    }
}
