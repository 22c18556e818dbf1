//! Loads the policies of a configuration.

mod checks;
mod tasks;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::configuration::{Configuration, PolicyItem, RefusedItem};
use super::module::{ModuleDigest, ModuleError, ModuleSource};
use super::{
    Action, Policy, PolicyName, PolicySet, Problem, Refusal, RefusalCause, State, WhileLoading,
};
use crate::engine::{Engine, KeepModules, LoadError, LoadRequest, LoadedPolicy, Module};
use crate::sources::Cluster;
use checks::Checks;
use tasks::{Lane, TaskId, Tasks};

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
    let mut loading = Loading::plan(engine, configuration.clone(), cluster, active, None).await;
    while loading.next().await == Progress::Partial {}
    loading.set(active, WhileLoading::Fails)
}

/// A configuration that is being loaded.
pub(crate) struct Loading {
    entries: Vec<Entry>,
    refused: Vec<Policy>,
    /// The entries that wait for their turn, by lane.
    waiting: HashMap<Lane, VecDeque<usize>>,
    /// The entries that are being loaded.
    running: HashMap<TaskId, usize>,
    /// How many entries are not loaded yet.
    pending: usize,
    tasks: Tasks,
    lacks_permissions: bool,
    _modules: KeepModules,
}

/// How far a configuration is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Some policies are not loaded yet.
    Partial,
    /// Every policy is loaded or refused.
    Complete,
}

struct Entry {
    item: PolicyItem,
    state: EntryState,
}

enum EntryState {
    Waiting(LoadRequest),
    Running(LoadRequest, TaskId),
    Ready(Arc<LoadedPolicy>),
    Refused(Vec<Problem>),
}

impl Loading {
    /// Finds out what has to be loaded. Takes over what an `earlier` load is doing or has done; what it
    /// had not begun comes after what is new here, so that a change never waits for a long load.
    pub(crate) async fn plan(
        engine: &Engine,
        configuration: Configuration,
        cluster: &dyn Cluster,
        active: &PolicySet,
        earlier: Option<Self>,
    ) -> Self {
        let kept = engine.keep_modules();
        let modules = modules(&configuration.policies).await;
        let (mut begun, tasks) = match earlier {
            Some(earlier) => (Begun::of(earlier.entries), earlier.tasks),
            None => (Begun::default(), Tasks::new(engine)),
        };
        let checks = Checks::new(&configuration, cluster);
        let mut missing = checks.missing_permissions().await;
        let lacks_permissions = !missing.is_empty();
        let loaded = active.loaded();
        let mut states = Vec::with_capacity(configuration.policies.len());
        for (number, item) in configuration.policies.iter().enumerate() {
            let request = checks
                .sources(item)
                .and_then(|()| missing.remove(&number).map_or(Ok(()), Err))
                .and_then(|()| request(item, &modules));
            states.push(match (request, loaded.get(&item.policy.name)) {
                (Err(problems), _) => EntryState::Refused(problems),
                (Ok(request), Some(loaded)) if loaded.is_made_of(&request, engine) => {
                    EntryState::Ready(Arc::clone(loaded))
                }
                (Ok(request), _) => begun.take(request, engine),
            });
        }
        drop(checks);
        let items = configuration.policies.into_iter();
        let entries = items.zip(states).map(|(item, state)| Entry { item, state });
        let entries: Vec<_> = entries.collect();
        let running = entries.iter().enumerate();
        let running = running.filter_map(|(number, entry)| match &entry.state {
            EntryState::Running(_, task) => Some((*task, number)),
            _ => None,
        });
        let mut loading = Self {
            running: running.collect(),
            pending: entries.iter().filter(|entry| entry.is_pending()).count(),
            entries,
            refused: configuration.refused.iter().map(refused).collect(),
            waiting: HashMap::new(),
            tasks,
            lacks_permissions,
            _modules: kept,
        };
        loading.queue(&begun);
        loading
    }

    /// Waits until another policy is loaded or refused. Nothing is lost if it is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Progress {
        if self.is_complete() {
            return Progress::Complete;
        }
        self.start();
        if let Some((task, result)) = self.tasks.finished().await {
            self.finish(task, result);
            self.start();
        }
        if self.is_complete() {
            Progress::Complete
        } else {
            Progress::Partial
        }
    }

    /// Returns the policies as far as they are loaded. Of a policy that is not, the version in the active
    /// set stays; if there is none, `new` says what it does. Policies that are to be removed stay until
    /// everything is loaded, since one that is new may replace them.
    pub(crate) fn set(&self, active: &PolicySet, new: WhileLoading) -> PolicySet {
        let policies = self.entries.iter().map(|entry| entry.policy(active, new));
        let mut policies: Vec<_> = policies.chain(self.refused.iter().cloned()).collect();
        if !self.is_complete() {
            let named: HashSet<PolicyName> =
                policies.iter().map(|policy| policy.name.clone()).collect();
            let removed = active.policies().iter();
            let removed = removed.filter(|policy| !named.contains(&policy.name));
            policies.extend(removed.cloned());
        }
        let set = PolicySet::new(policies);
        if self.lacks_permissions {
            set.awaiting_permissions()
        } else {
            set
        }
    }

    const fn is_complete(&self) -> bool {
        self.pending == 0
    }

    /// Queues what is new before what the earlier load had not begun, and what can deny before the rest.
    fn queue(&mut self, begun: &Begun) {
        let mut waiting: Vec<_> = (0..self.entries.len())
            .filter(|number| matches!(self.entries[*number].state, EntryState::Waiting(_)))
            .collect();
        waiting.sort_by_key(|number| {
            let policy = &self.entries[*number].item.policy;
            (
                begun.waited.contains_key(&policy.name),
                policy.action != Action::Enforce,
            )
        });
        for number in waiting {
            if let EntryState::Waiting(request) = &self.entries[number].state {
                let lane = Lane::of(&request.module);
                self.waiting.entry(lane).or_default().push_back(number);
            }
        }
    }

    fn start(&mut self) {
        for (lane, waiting) in &mut self.waiting {
            while self.tasks.has_room(*lane)
                && let Some(number) = waiting.pop_front()
            {
                let state = &mut self.entries[number].state;
                if let EntryState::Waiting(request) = state {
                    let task = self.tasks.start(*lane, request.clone());
                    self.running.insert(task, number);
                    *state = EntryState::Running(request.clone(), task);
                }
            }
        }
    }

    /// Ignores the result of a task that an earlier version of a policy had started.
    fn finish(&mut self, task: TaskId, result: Result<LoadedPolicy, LoadError>) {
        let Some(number) = self.running.remove(&task) else {
            return;
        };
        self.pending -= 1;
        let entry = &mut self.entries[number];
        entry.state = match result {
            Ok(loaded) => EntryState::Ready(Arc::new(loaded)),
            Err(error) => EntryState::Refused(checks::problems(&entry.item, &error)),
        };
    }
}

impl Entry {
    const fn is_pending(&self) -> bool {
        matches!(self.state, EntryState::Waiting(_) | EntryState::Running(..))
    }

    fn policy(&self, active: &PolicySet, new: WhileLoading) -> Policy {
        let policy = &self.item.policy;
        let state = match &self.state {
            EntryState::Ready(loaded) => State::Ready(Arc::clone(loaded)),
            EntryState::Refused(problems) => State::Refused(Refusal {
                cause: RefusalCause::Load,
                problems: problems.clone(),
            }),
            EntryState::Waiting(_) | EntryState::Running(..) => {
                if let Some(earlier) = active.get(&policy.name) {
                    return earlier.clone();
                }
                State::Loading(new)
            }
        };
        Policy {
            name: policy.name.clone(),
            matches: policy.matches.clone(),
            action: policy.action,
            on_error: policy.on_error,
            state,
            generation: self.item.generation,
        }
    }
}

/// What an earlier load has done or is doing, by policy.
#[derive(Default)]
struct Begun {
    waited: HashMap<PolicyName, LoadRequest>,
    begun: HashMap<PolicyName, EntryState>,
}

impl Begun {
    fn of(entries: Vec<Entry>) -> Self {
        let mut all = Self::default();
        for Entry { item, state } in entries {
            match state {
                EntryState::Waiting(request) => {
                    all.waited.insert(item.policy.name, request);
                }
                EntryState::Running(..) | EntryState::Ready(_) => {
                    all.begun.insert(item.policy.name, state);
                }
                // Refused policies are tried again at each reload.
                EntryState::Refused(_) => {}
            }
        }
        all.waited.retain(|name, _| !all.begun.contains_key(name));
        all
    }

    /// Returns the state of the same policy, if it is the same. Forgets that another version of it
    /// waited: that one is new.
    fn take(&mut self, request: LoadRequest, engine: &Engine) -> EntryState {
        let name = PolicyName::named(&request.name);
        if self
            .waited
            .get(&name)
            .is_some_and(|waited| *waited != request)
        {
            self.waited.remove(&name);
        }
        match self.begun.remove(&name) {
            Some(EntryState::Ready(loaded)) if loaded.is_made_of(&request, engine) => {
                EntryState::Ready(loaded)
            }
            Some(EntryState::Running(running, task)) if running == request => {
                EntryState::Running(running, task)
            }
            _ => EntryState::Waiting(request),
        }
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

fn request(item: &PolicyItem, modules: &Modules) -> Result<LoadRequest, Vec<Problem>> {
    let policy = &item.policy;
    let module = match &modules[&policy.module] {
        Ok(module) => module.clone(),
        Err(error) => {
            let problem = item.problem(policy.module.pointer(), error.to_string());
            return Err(vec![problem]);
        }
    };
    if let Some(expected) = &policy.module_digest
        && !expected.is_of(&module)
    {
        return Err(vec![item.problem(
            "/spec/module/digest",
            format!(
                "the module `{}` has another digest: the policy expects {expected}, the module has {}; if the new module is meant, put its digest here",
                policy.module,
                ModuleDigest::of(&module),
            ),
        )]);
    }
    Ok(LoadRequest {
        name: policy.name.to_string(),
        module,
        settings: policy.settings.clone(),
        limits: policy.limits,
        grants: policy.grants.clone(),
    })
}
