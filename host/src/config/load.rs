//! From what was read to policies that can judge.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};

use super::module::{ModuleError, ModuleSource};
use super::read::{Configuration, PolicyItem, RefusedItem};
use super::{Policy, PolicySet, Problem, Refusal, State};
use crate::engine::{Engine, LoadError, LoadRequest, LoadedPolicy, Module, SettingsProblem};

/// Loads every policy of a configuration, several at once. One that cannot be loaded is refused
/// alone and stays in the set: its match and `onError` go on to apply.
pub async fn load(engine: &Engine, configuration: &Configuration) -> PolicySet {
    let loader = Loader {
        engine,
        configuration,
        modules: modules(&configuration.policies).await,
    };
    // Collected first: a stream over borrowed items is not `Send` for any lifetime, and the server
    // loads in a task of its own.
    let loads: Vec<_> = configuration
        .policies
        .iter()
        .map(|item| loader.policy(item))
        .collect();
    let mut policies: Vec<_> = stream::iter(loads).buffered(at_once()).collect().await;
    policies.extend(configuration.refused.iter().map(refused));
    PolicySet::new(policies)
}

fn refused(item: &RefusedItem) -> Policy {
    Policy {
        name: item.name.clone(),
        matches: item.matches.clone(),
        action: item.action,
        on_error: item.on_error,
        state: State::Refused(Refusal {
            problems: item.problems.clone(),
        }),
        generation: item.generation,
    }
}

/// How many policies are compiled at once.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

type Modules = HashMap<ModuleSource, Result<Module, ModuleError>>;

/// Reads each module once, however many policies use it.
async fn modules(policies: &[PolicyItem]) -> Modules {
    let mut sources: Vec<_> = policies
        .iter()
        .map(|item| item.policy.module.clone())
        .collect();
    sources.sort();
    sources.dedup();
    let read = move || {
        let read = |source: ModuleSource| {
            let module = source.read();
            (source, module)
        };
        sources.into_iter().map(read).collect()
    };
    tokio::task::spawn_blocking(read)
        .await
        .expect("reading a file does not panic")
}

struct Loader<'a> {
    engine: &'a Engine,
    configuration: &'a Configuration,
    modules: Modules,
}

impl Loader<'_> {
    async fn policy(&self, item: &PolicyItem) -> Policy {
        let state = match self.judge(item).await {
            Ok(policy) => State::Ready(Box::new(policy)),
            Err(problems) => State::Refused(Refusal { problems }),
        };
        Policy {
            name: item.policy.name.clone(),
            matches: item.policy.matches.clone(),
            action: item.policy.action,
            on_error: item.policy.on_error,
            state,
            generation: item.generation,
        }
    }

    async fn judge(&self, item: &PolicyItem) -> Result<LoadedPolicy, Vec<Problem>> {
        self.sources_are_described(item)?;
        let policy = &item.policy;
        let module = match &self.modules[&policy.module] {
            Ok(module) => module.clone(),
            Err(error) => {
                return Err(vec![
                    item.problem(policy.module.pointer(), error.to_string()),
                ]);
            }
        };
        let request = LoadRequest {
            name: policy.name.to_string(),
            module,
            settings: policy.settings.clone(),
            limits: policy.limits,
            grants: policy.grants.clone(),
        };
        self.engine
            .load(request)
            .await
            .map_err(|error| problems(item, &error))
    }

    /// A grant of a source that nobody describes would fail at the first query: say it now.
    fn sources_are_described(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let described = || self.configuration.source_names();
        let unknown = item
            .policy
            .metric_grants
            .iter()
            .enumerate()
            .filter(|(_, name)| !described().any(|known| known == *name));
        let problem = |(index, name): (usize, &String)| {
            let message = format!("no MetricSource `{}` is described", name.escape_debug());
            item.problem(&format!("/spec/grants/metrics/{index}"), message)
                .hint(hint_of_sources(&described().collect::<Vec<_>>()))
        };
        let problems: Vec<_> = unknown.map(problem).collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn hint_of_sources(described: &[&str]) -> String {
    match described {
        [] => "add a MetricSource beside the policies".to_owned(),
        known => format!("described are: {}", known.join(", ")),
    }
}

/// What is wrong with a policy, at the line of the setting where it is one.
fn problems(item: &PolicyItem, error: &LoadError) -> Vec<Problem> {
    match error {
        LoadError::Settings(refused) => refused
            .iter()
            .map(|refused| setting(item, refused))
            .collect(),
        error => vec![item.problem(item.policy.module.pointer(), error.to_string())],
    }
}

/// A setting that is missing stands nowhere: its name leads the message.
fn setting(item: &PolicyItem, refused: &SettingsProblem) -> Problem {
    let pointer = format!("/spec/settings{}", refused.path);
    match item.place.missing(&pointer) {
        Some(field) if !refused.path.is_empty() => {
            item.problem(&pointer, format!("`{field}` {}", refused.message))
        }
        _ => item.problem(&pointer, refused.message.as_str()),
    }
}
