//! From what was read to policies that can judge.

mod access;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use super::configuration::{Configuration, PolicyItem, RefusedItem};
use super::module::{ModuleError, ModuleSource};
use super::{Policy, PolicyName, PolicySet, Problem, Refusal, State};
use crate::engine::{Engine, LoadError, LoadRequest, LoadedPolicy, Module, SettingsProblem};
use crate::sources::Cluster;
use access::OwnRights;

/// Loads every policy of a configuration, several at once. One that cannot be loaded is refused
/// alone and stays in the set: its match and `onError` go on to apply.
///
/// Those that the set in force has loaded of the same module, settings, limits and grants are taken
/// over as they are.
pub async fn load(
    engine: &Engine,
    configuration: &Configuration,
    cluster: &dyn Cluster,
    in_force: &PolicySet,
) -> PolicySet {
    let loader = Loader {
        engine,
        configuration,
        rights: OwnRights::new(cluster, &configuration.policies),
        in_force: in_force.loaded(),
        lacks_rights: AtomicBool::new(false),
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
    let set = PolicySet::new(policies);
    if loader.lacks_rights.into_inner() {
        set.awaiting_rights()
    } else {
        set
    }
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
    rights: OwnRights<'a>,
    in_force: HashMap<&'a PolicyName, &'a Arc<LoadedPolicy>>,
    lacks_rights: AtomicBool,
    modules: Modules,
}

impl Loader<'_> {
    async fn policy(&self, item: &PolicyItem) -> Policy {
        let state = match self.judge(item).await {
            Ok(policy) => State::Ready(policy),
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

    async fn judge(&self, item: &PolicyItem) -> Result<Arc<LoadedPolicy>, Vec<Problem>> {
        self.sources_may_be_asked(item)?;
        self.kinds_may_be_read(item).await?;
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
        if let Some(loaded) = self.in_force.get(&policy.name)
            && loaded.is_made_of(&request, self.engine)
        {
            return Ok(Arc::clone(loaded));
        }
        let loaded = self.engine.load(request).await;
        loaded.map(Arc::new).map_err(|error| problems(item, &error))
    }

    /// A grant of a source that nobody describes, or that is for others, would fail at the first
    /// query: say it now.
    fn sources_may_be_asked(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let grants = item.policy.metric_grants.iter().enumerate();
        let problems: Vec<_> = grants
            .filter_map(|(index, name)| {
                let pointer = format!("/spec/grants/metrics/{index}");
                self.closed(&item.policy.name, name)
                    .map(|(message, hint)| item.problem(&pointer, message).hint(hint))
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Why a policy may not ask a source, and what to do.
    fn closed(&self, policy: &PolicyName, source: &str) -> Option<(String, String)> {
        let described: Vec<_> = self.configuration.source_names().collect();
        let shown = source.escape_debug();
        if !described.contains(&source) {
            let message = format!("no MetricSource `{shown}` is described");
            return Some((message, hint_of_sources(&described)));
        }
        let mut items = self.configuration.sources.iter();
        let open_to = &items
            .find(|item| item.name() == source)?
            .source
            .spec
            .namespaces;
        let own = policy.namespace()?;
        let shut = open_to.as_ref().is_some_and(|open| !open.contains(own));
        shut.then(|| {
            (
                format!("the MetricSource `{shown}` is not for policies in the namespace `{own}`"),
                "whoever keeps the source can add it to its `spec.namespaces`".to_owned(),
            )
        })
    }

    /// A grant cannot give what the host itself may not read.
    async fn kinds_may_be_read(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let grants = item.policy.grants.cluster.iter().enumerate();
        let problems = join_all(grants.map(|(index, grant)| async move {
            let missing = self.rights.missing(grant).await?;
            Some(item.problem(&format!("/spec/grants/cluster/{index}"), missing))
        }));
        let problems: Vec<_> = problems.await.into_iter().flatten().collect();
        if problems.is_empty() {
            return Ok(());
        }
        self.lacks_rights.store(true, Ordering::Relaxed);
        Err(problems)
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
