//! Loads the policies of a configuration.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::sync::OnceCell;

use super::configuration::{Configuration, PolicyItem, RefusedItem};
use super::module::{ModuleError, ModuleSource};
use super::{Policy, PolicyName, PolicySet, Problem, Refusal, RefusalCause, State};
use crate::engine::{
    ClusterGrant, Engine, LoadError, LoadRequest, LoadedPolicy, Module, SettingsProblem,
};
use crate::sources::{Access, Cluster, KindRef, Scope};

/// Loads every policy of a configuration, several at a time. A policy that cannot be loaded stays in the
/// set as refused: its match and `onError` still apply.
///
/// Reuses policies of the active set with the same module, settings, limits and grants.
pub async fn load(
    engine: &Engine,
    configuration: &Configuration,
    cluster: &dyn Cluster,
    active: &PolicySet,
) -> PolicySet {
    let context = LoadContext {
        engine,
        configuration,
        permissions: OwnPermissions::new(cluster, &configuration.policies),
        active: active.loaded(),
        lacks_permissions: AtomicBool::new(false),
        modules: modules(&configuration.policies).await,
    };
    // Collected first: a stream over borrowed items is not `Send` for any lifetime, and the server
    // loads in a task of its own.
    let loads: Vec<_> = configuration
        .policies
        .iter()
        .map(|item| context.policy(item))
        .collect();
    let mut policies: Vec<_> = stream::iter(loads).buffered(concurrency()).collect().await;
    policies.extend(configuration.refused.iter().map(refused));
    let set = PolicySet::new(policies);
    if context.lacks_permissions.into_inner() {
        set.awaiting_permissions()
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
            cause: item.cause,
            problems: item.problems.clone(),
        }),
        generation: item.generation,
    }
}

/// The number of policies to load at a time.
fn concurrency() -> usize {
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

struct LoadContext<'a> {
    engine: &'a Engine,
    configuration: &'a Configuration,
    permissions: OwnPermissions<'a>,
    active: HashMap<&'a PolicyName, &'a Arc<LoadedPolicy>>,
    lacks_permissions: AtomicBool,
    modules: Modules,
}

impl LoadContext<'_> {
    async fn policy(&self, item: &PolicyItem) -> Policy {
        let state = match self.load(item).await {
            Ok(policy) => State::Ready(policy),
            Err(problems) => State::Refused(Refusal {
                cause: RefusalCause::Load,
                problems,
            }),
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

    async fn load(&self, item: &PolicyItem) -> Result<Arc<LoadedPolicy>, Vec<Problem>> {
        self.check_sources(item)?;
        self.check_kinds(item).await?;
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
        if let Some(loaded) = self.active.get(&policy.name)
            && loaded.is_made_of(&request, self.engine)
        {
            return Ok(Arc::clone(loaded));
        }
        let loaded = self.engine.load(request).await;
        loaded.map(Arc::new).map_err(|error| problems(item, &error))
    }

    /// Reports grants of sources that do not exist or are for other namespaces. Otherwise they would
    /// fail at the first query.
    fn check_sources(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let grants = item.policy.metric_grants.iter().enumerate();
        let problems: Vec<_> = grants
            .filter_map(|(index, name)| {
                let pointer = format!("/spec/grants/metrics/{index}");
                self.unavailable(&item.policy.name, name)
                    .map(|(message, hint)| item.problem(&pointer, message).hint(hint))
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Returns why a policy may not query a source, and a hint.
    fn unavailable(&self, policy: &PolicyName, source: &str) -> Option<(String, String)> {
        let described: Vec<_> = self.configuration.source_names().collect();
        let shown = source.escape_debug();
        if !described.contains(&source) {
            let message = format!("there is no MetricSource `{shown}`");
            return Some((message, hint_for_sources(&described)));
        }
        let mut items = self.configuration.sources.iter();
        let item = items.find(|item| item.name() == source)?;
        let own = policy.namespace()?;
        let is_closed = !item.source.spec.is_open_to(own);
        is_closed.then(|| {
            (
                format!("the MetricSource `{shown}` is not for policies in the namespace `{own}`"),
                "add the namespace to `spec.namespaces` of the MetricSource".to_owned(),
            )
        })
    }

    /// Reports grants of kinds that rollgate itself may not read.
    async fn check_kinds(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let grants = item.policy.grants.cluster.iter().enumerate();
        let problems = join_all(grants.map(|(index, grant)| async move {
            let missing = self.permissions.missing(grant).await?;
            Some(item.problem(&format!("/spec/grants/cluster/{index}"), missing))
        }));
        let problems: Vec<_> = problems.await.into_iter().flatten().collect();
        if problems.is_empty() {
            return Ok(());
        }
        self.lacks_permissions.store(true, Ordering::Relaxed);
        Err(problems)
    }
}

fn hint_for_sources(described: &[&str]) -> String {
    match described {
        [] => "add a MetricSource beside the policies".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    }
}

/// Returns the problems of a policy, each at the line of its setting if it is about one.
fn problems(item: &PolicyItem, error: &LoadError) -> Vec<Problem> {
    match error {
        LoadError::Settings(refused) => refused
            .iter()
            .map(|refused| setting(item, refused))
            .collect(),
        error => vec![item.problem(item.policy.module.pointer(), error.to_string())],
    }
}

/// A missing setting has no line, so the message starts with its name.
fn setting(item: &PolicyItem, refused: &SettingsProblem) -> Problem {
    let pointer = format!("/spec/settings{}", refused.path);
    match item.location.missing(&pointer) {
        Some(field) if !refused.path.is_empty() => {
            item.problem(&pointer, format!("`{field}` {}", refused.message))
        }
        _ => item.problem(&pointer, refused.message.as_str()),
    }
}

/// Asks once per load whether rollgate may read each kind and scope that policies are granted.
struct OwnPermissions<'a> {
    cluster: &'a dyn Cluster,
    asked: HashMap<(KindRef<'a>, Scope<'a>), OnceCell<Access>>,
}

impl<'a> OwnPermissions<'a> {
    fn new(cluster: &'a dyn Cluster, policies: &'a [PolicyItem]) -> Self {
        let grants = policies.iter().flat_map(|item| &item.policy.grants.cluster);
        let asked = grants.flat_map(reads).map(|read| (read, OnceCell::new()));
        Self {
            cluster,
            asked: asked.collect(),
        }
    }

    /// Returns what rollgate lacks for a grant. If that is not known now, each read reports it later.
    async fn missing<'s>(&'s self, grant: &'s ClusterGrant) -> Option<&'s str> {
        for read in reads(grant) {
            let asked = self.asked[&read].get_or_init(|| self.ask(read));
            if let Access::Missing(what) = asked.await {
                return Some(what);
            }
        }
        None
    }

    async fn ask(&self, (kind, scope): (KindRef<'_>, Scope<'_>)) -> Access {
        let access = self.cluster.access(kind, scope).await;
        if let Access::Unknown(why) = &access {
            tracing::debug!(
                ?kind,
                ?scope,
                why,
                "it is not known whether rollgate may read this kind"
            );
        }
        access
    }
}

fn reads<'a>(grant: &'a ClusterGrant) -> Vec<(KindRef<'a>, Scope<'a>)> {
    let kind = KindRef {
        api_version: &grant.api_version,
        kind: &grant.kind,
    };
    let scopes = grant.scopes().into_iter();
    scopes.map(|scope| (kind, scope)).collect()
}
