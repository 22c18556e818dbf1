//! Loads policies and makes them the active ones.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{ActivePolicies, ActiveSet, PolicySource};
use crate::admission::{Gate, GateOptions};
use crate::config::{
    self, Action, Configuration, Loading, Policy, PolicyName, PolicySet, Progress, SourceState,
    State, WhileLoading,
};
use crate::engine::Engine;
use crate::server::Readiness;
use crate::sources::{ClusterSources, NamedMetrics, Sources, SystemClock};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// How often a policy is retried that only waits for a right of rollgate: nothing reports a changed
/// ClusterRole or a new kind.
const RETRY_RIGHTS: Duration = Duration::from_secs(30);

/// After this time, what is loaded becomes active without the rest. Each time after that, twice as much
/// time passes, up to the second value, since activating thousands of policies takes milliseconds.
const PARTIAL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));

/// How many policies are named that are being loaded.
const NAMED: usize = 10;

/// Loads policies and makes them the active ones.
pub(crate) struct PolicyLoader {
    pub(crate) engine: Engine,
    pub(crate) facts: ClusterSources,
    pub(crate) gate_options: GateOptions,
    pub(crate) active: Arc<ActivePolicies>,
    /// Becomes ready as soon as every policy that can deny is loaded or refused; until then it says what
    /// is missing.
    pub(crate) readiness: Readiness,
    pub(crate) telemetry: Telemetry,
}

/// A configuration that becomes active, at once or step by step.
struct Activation {
    loading: Loading,
    metrics: Arc<NamedMetrics>,
    metric_sources: Vec<SourceState>,
    /// What was active before.
    earlier: Arc<PolicySet>,
    started: Instant,
    next: Instant,
    pause: Duration,
}

impl PolicyLoader {
    /// Loads the policies of a source, again whenever they change, and never returns.
    ///
    /// If a file does not parse, the last good policies stay active, and before the first ones the process
    /// stays unready. Otherwise each policy becomes active as soon as it is loaded. Until then the version
    /// before it stays active.
    pub(crate) async fn run(self, mut source: Box<dyn PolicySource>) -> Infallible {
        let mut activation = None;
        loop {
            let configuration = source.read().await;
            if configuration.problems.is_empty() {
                activation = Some(self.plan(configuration, activation.take()).await);
            } else {
                self.reject(&configuration);
            }
            // Waiting is never interrupted, because a change that was noticed would be forgotten.
            let mut changed = pin!(source.changed());
            loop {
                let is_loading = activation.is_some();
                tokio::select! {
                    biased;
                    progress = self.advance(activation.as_mut()) => {
                        if progress == Progress::Complete {
                            activation = None;
                        }
                    }
                    () = &mut changed => break,
                    () = self.rights_may_have_changed(), if !is_loading => break,
                }
            }
        }
    }

    async fn rights_may_have_changed(&self) {
        if self.active.policies().awaits_permissions() {
            tokio::time::sleep(RETRY_RIGHTS).await;
        } else {
            std::future::pending().await
        }
    }

    async fn plan(&self, configuration: Configuration, earlier: Option<Activation>) -> Activation {
        let started = Instant::now();
        let (metrics, metric_sources) = config::metrics(&configuration, &self.facts.secrets);
        let problems = metric_sources.iter();
        for problem in problems.filter_map(|source| source.problem.as_ref()) {
            tracing::error!(%problem, "a metrics source cannot be set up; policies that query it will fail");
        }
        let active = self.active.policies();
        let (earlier_set, earlier) = match earlier {
            Some(earlier) => (earlier.earlier, Some(earlier.loading)),
            None => (Arc::clone(&active), None),
        };
        let cluster = self.facts.cluster.as_ref();
        let loading = Loading::plan(&self.engine, configuration, cluster, &active, earlier).await;
        Activation {
            loading,
            metrics: Arc::new(metrics),
            metric_sources,
            earlier: earlier_set,
            started,
            next: started + PARTIAL.0,
            pause: PARTIAL.0,
        }
    }

    /// Goes on loading, and activates what is loaded. Without anything to load it never returns. Nothing
    /// is lost if it is dropped while it waits.
    async fn advance(&self, activation: Option<&mut Activation>) -> Progress {
        let Some(activation) = activation else {
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                biased;
                progress = activation.loading.next() => {
                    if progress == Progress::Complete {
                        self.activate(activation, progress);
                        return progress;
                    }
                }
                () = sleep_until(activation.next) => {
                    self.activate(activation, Progress::Partial);
                    activation.pause = (activation.pause * 2).min(PARTIAL.1);
                    activation.next = Instant::now() + activation.pause;
                    return Progress::Partial;
                }
            }
        }
    }

    fn activate(&self, activation: &Activation, progress: Progress) {
        let new = match self.readiness.check() {
            Ok(()) => WhileLoading::HasNoEffect,
            Err(_) => WhileLoading::Fails,
        };
        let policies = activation.loading.set(&self.active.policies(), new);
        self.report(&policies, activation, progress);
        let missing = missing(&policies);
        let policies = Arc::new(policies);
        let sources = Sources {
            clock: Arc::new(SystemClock),
            metrics: Arc::clone(&activation.metrics) as _,
            cluster: Arc::clone(&self.facts.cluster),
            history: Arc::clone(&self.facts.history),
        };
        let gate = Gate::new(Arc::clone(&policies), sources, self.telemetry.clone());
        let gate = gate.with_options(self.gate_options.clone());
        let set = ActiveSet {
            policies,
            metric_sources: activation.metric_sources.clone(),
        };
        self.active.activate(gate, set);
        match missing {
            None => self.readiness.ready(),
            Some(missing) if self.readiness.check().is_err() => {
                self.readiness.missing(vec![missing]);
            }
            // A new policy that takes long to load takes no replica away from the others.
            Some(_) => {}
        }
    }

    fn report(&self, policies: &PolicySet, activation: &Activation, progress: Progress) {
        let ready = count(policies, |state| matches!(state, State::Ready(_)));
        let refused = count(policies, |state| matches!(state, State::Refused(_)));
        let loading = policies.loading().count();
        self.telemetry.policies(ready, refused, loading);
        if progress == Progress::Partial {
            let names = names(policies.loading());
            tracing::info!(
                ready,
                loading,
                names,
                "policies are active as far as they are loaded"
            );
            return;
        }
        for policy in policies.policies() {
            if let State::Refused(reason) = &policy.state {
                tracing::error!(policy = %policy.name, %reason, "a policy cannot be loaded: its onError decides each rollout that it matches");
            }
        }
        let prepared: Vec<_> = policies
            .prepared_since(&activation.earlier)
            .map(PolicyName::as_str)
            .collect();
        let took = activation.started.elapsed();
        tracing::info!(
            ready,
            refused,
            kept = ready - prepared.len(),
            ?prepared,
            ?took,
            "policies are active"
        );
        self.telemetry
            .reload(ReloadSubject::Policies, ReloadOutcome::Ok);
    }

    fn reject(&self, configuration: &Configuration) {
        let problems = configuration.problems.iter();
        let problems: Vec<_> = problems.map(ToString::to_string).collect();
        let consequence = if self.active.any() {
            "the policies before this change stay active"
        } else {
            self.readiness.missing(problems.clone());
            "rollgate is not ready until this is fixed"
        };
        for problem in &problems {
            tracing::error!(problem, consequence, "the policies cannot be read");
        }
        self.active.reject(problems);
        self.telemetry
            .reload(ReloadSubject::Policies, ReloadOutcome::Failed);
    }
}

fn count(policies: &PolicySet, is: impl Fn(&State) -> bool) -> usize {
    let policies = policies.policies().iter();
    policies.filter(|policy| is(&policy.state)).count()
}

/// Returns what is missing of the policies that can deny.
fn missing(policies: &PolicySet) -> Option<String> {
    let enforced = || {
        let loading = policies.loading();
        loading.filter(|policy| policy.action == Action::Enforce)
    };
    match enforced().count() {
        0 => None,
        count => Some(format!(
            "{count} policies are being loaded: {}",
            names(enforced())
        )),
    }
}

fn names<'a>(policies: impl Iterator<Item = &'a Policy>) -> String {
    let mut names: Vec<_> = policies.map(|policy| policy.name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = (more > 0).then(|| format!(" and {more} more"));
    names.join(", ") + more.as_deref().unwrap_or_default()
}
