//! Which policy a scenario is run with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rollgate_model::scenario::Scenario;
use serde_json::Value;

use super::{Case, folder};
use crate::config::{self, Configuration, ModuleSource, PolicyItem, Problem};
use crate::engine::{ClusterGrant, Grants, Limits};

/// How a scenario's policy is to be loaded. Equal ones are loaded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) module: ModuleSource,
    pub(super) settings: String,
    pub(super) limits: Limits,
    pub(super) grants: Grants,
}

/// Where the plans come from.
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

    /// The plan of a scenario.
    ///
    /// # Errors
    ///
    /// In words, where it is not clear which policy is meant.
    pub(super) fn plan(&self, case: &Case) -> Result<Plan, String> {
        match self {
            Self::Modules(given) => of_module(given.as_ref(), case),
            Self::Policies(configuration) => of_policy(&configuration.policies, &case.scenario),
        }
    }
}

/// A module alone is granted what the scenario tells of, for nothing else can be answered.
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
        settings: case.scenario.settings.to_string(),
        limits: Limits::default(),
        grants: grants(&case.scenario),
    })
}

fn grants(scenario: &Scenario) -> Grants {
    let word = |object: &Value, field| {
        object
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let objects = scenario
        .objects
        .iter()
        .flatten()
        .map(|object| (word(object, "apiVersion"), word(object, "kind")));
    let refused = scenario
        .object_errors
        .iter()
        .map(|error| (error.api_version.clone(), error.kind.clone()));
    let kinds: BTreeSet<_> = objects.chain(refused).collect();
    let grant = |(api_version, kind)| ClusterGrant {
        api_version,
        kind,
        namespaces: None,
    };
    Grants {
        metrics: scenario
            .metrics
            .iter()
            .map(|entry| entry.source.clone())
            .collect(),
        cluster: kinds.into_iter().map(grant).collect(),
    }
}

/// The scenario's own settings, if it has any, take the place of the policy's.
fn of_policy(policies: &[PolicyItem], scenario: &Scenario) -> Result<Plan, String> {
    let named = |item: &&PolicyItem| scenario.policy.as_deref() == Some(item.policy.name.as_str());
    let item = match (policies.iter().find(named), policies) {
        (Some(item), _) | (None, [item]) => item,
        _ => return Err(which(policies, scenario.policy.as_deref())),
    };
    let own = scenario
        .settings
        .as_object()
        .is_some_and(|settings| !settings.is_empty());
    let policy = &item.policy;
    Ok(Plan {
        name: policy.name.to_string(),
        module: policy.module.clone(),
        settings: if own {
            scenario.settings.to_string()
        } else {
            policy.settings.clone()
        },
        limits: policy.limits,
        grants: policy.grants.clone(),
    })
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
