//! Decides which policy a scenario is run with.

use std::path::PathBuf;

use rollgate_model::scenario::Scenario;

use super::{Case, folder};
use crate::config::{
    self, CompiledPolicy, Configuration, MatchInput, Matching, ModuleSource, NamespaceLabels,
    PolicyItem, Problem,
};
use crate::engine::{Grants, Limits, Ungranted};
use crate::sources::{ClusterSources, NamedMetrics};

/// How to load the policy of a scenario. Equal plans are loaded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) module: ModuleSource,
    pub(super) settings: String,
    pub(super) limits: Limits,
    pub(super) grants: Grants,
}

/// The source of the plans.
pub(super) enum Plans {
    /// Each scenario names its module, unless one is given for all.
    Modules(Option<ModuleSource>),
    /// The policies of an operator, with their settings and grants.
    Policies(Configuration),
}

impl Plans {
    pub(super) fn new(module: Option<&str>, policies: &[PathBuf]) -> (Self, Vec<Problem>) {
        if policies.is_empty() {
            return (
                Self::Modules(module.map(ModuleSource::of_argument)),
                Vec::new(),
            );
        }
        let mut configuration = config::read(policies);
        let problems = std::mem::take(&mut configuration.problems);
        (Self::Policies(configuration), problems)
    }

    /// Returns the metric sources of the operator. They are not queried, because the scenarios answer, but
    /// what they refuse a namespace is refused.
    pub(super) fn metrics(&self) -> NamedMetrics {
        match self {
            Self::Modules(_) => NamedMetrics::default(),
            Self::Policies(configuration) => {
                let secrets = ClusterSources::disconnected().secrets;
                config::metrics(configuration, &secrets).0
            }
        }
    }

    /// Returns the plan of a scenario.
    ///
    /// # Errors
    /// It is not clear which policy is meant.
    pub(super) fn plan(&self, case: &Case) -> Result<Plan, String> {
        match self {
            Self::Modules(given) => of_module(given.as_ref(), case),
            Self::Policies(configuration) => of_policy(&configuration.policies, &case.scenario),
        }
    }
}

/// A module without a policy gets every grant: the scenario answers what it asks.
fn of_module(given: Option<&ModuleSource>, case: &Case) -> Result<Plan, String> {
    let named = || {
        let policy = case.scenario.policy.as_deref()?;
        Some(match ModuleSource::of_argument(policy) {
            ModuleSource::File(path) => ModuleSource::File(folder(&case.file).join(path)),
            builtin @ ModuleSource::Builtin(_) => builtin,
        })
    };
    let module = given.cloned().or_else(named).ok_or(
        "the scenario names no policy: give one with --module or --policies, or write `policy: NAME` into it",
    )?;
    Ok(Plan {
        name: module.to_string(),
        module,
        settings: case.scenario.own_settings(),
        limits: Limits::default(),
        grants: Grants {
            ungranted: Ungranted::Made,
            ..Grants::default()
        },
    })
}

/// The settings of the scenario, if any, replace those of the policy.
fn of_policy(policies: &[PolicyItem], scenario: &Scenario) -> Result<Plan, String> {
    let named = |item: &&PolicyItem| scenario.policy.as_deref() == Some(item.policy.name.as_str());
    let item = match (policies.iter().find(named), policies) {
        (Some(item), _) | (None, [item]) => item,
        _ => return Err(which(policies, scenario.policy.as_deref())),
    };
    let policy = &item.policy;
    matches(policy, scenario)?;
    Ok(Plan {
        name: policy.name.to_string(),
        module: policy.module.clone(),
        settings: match &scenario.settings {
            Some(own) => own.to_string(),
            None => policy.settings.clone(),
        },
        limits: policy.limits,
        grants: policy.grants.clone(),
    })
}

/// Checks that the policy matches the rollout: otherwise rollgate would not evaluate it.
fn matches(policy: &CompiledPolicy, scenario: &Scenario) -> Result<(), String> {
    // If it is no rollout, that is reported instead.
    let Ok(rollout) = scenario.rollout() else {
        return Ok(());
    };
    let namespace = NamespaceLabels::Unknown {
        why: "a scenario does not have them".into(),
    };
    let candidate = MatchInput::of(&rollout, &namespace);
    if policy.matches.matching(candidate) != Matching::No {
        return Ok(());
    }
    let subject = rollout.subject();
    Err(format!(
        "the policy `{}` does not match this {} of {} `{}` in the namespace `{}`, so rollgate would not evaluate it: \
         see its `match`: kinds, changes, namespaces and labels \
         (by default of changes: create, roll-forward, resume and release)",
        policy.name,
        rollout.change().as_str(),
        subject.kind().as_str(),
        subject.name(),
        subject.namespace(),
    ))
}

fn which(policies: &[PolicyItem], named: Option<&str>) -> String {
    let known: Vec<_> = policies
        .iter()
        .map(|item| item.policy.name.as_str())
        .collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    match named {
        Some(name) => format!("there is no policy `{name}`; there are: {known}"),
        None => format!(
            "which policy is meant? write `policy: NAME` into the scenario; there are: {known}"
        ),
    }
}
