use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{ActivePolicies, ActiveSet, PolicySource};
use crate::admission::{Gate, GateOptions};
use crate::config::{self, Configuration, Policy, PolicyName, PolicySet, State};
use crate::engine::Engine;
use crate::server::Readiness;
use crate::sources::{ClusterSources, Sources, SystemClock};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// How often a policy is retried that only waits for a right of rollgate: nothing reports a changed
/// ClusterRole or a new kind.
const RETRY_RIGHTS: Duration = Duration::from_secs(30);

/// Loads policies and makes them the active ones.
pub(crate) struct PolicyLoader {
    pub(crate) engine: Engine,
    pub(crate) facts: ClusterSources,
    pub(crate) gate_options: GateOptions,
    pub(crate) active: Arc<ActivePolicies>,
    /// Becomes ready with the first active policies; until then it says what is missing.
    pub(crate) readiness: Readiness,
    pub(crate) telemetry: Telemetry,
}

impl PolicyLoader {
    /// Loads the policies of a source, again whenever they change, and never returns.
    ///
    /// Activates all of them or none: if a file does not parse, the last good policies stay active,
    /// and before the first ones the process stays unready.
    pub(crate) async fn run(self, mut source: Box<dyn PolicySource>) -> Infallible {
        loop {
            let configuration = source.read().await;
            if configuration.problems.is_empty() {
                self.load(&configuration).await;
            } else {
                self.reject(&configuration);
            }
            tokio::select! {
                () = source.changed() => {}
                () = self.rights_may_have_changed() => {}
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

    async fn load(&self, configuration: &Configuration) {
        let start = Instant::now();
        let (metrics, metric_sources) = config::metrics(configuration, &self.facts.secrets);
        let problems = metric_sources.iter();
        for problem in problems.filter_map(|source| source.problem.as_ref()) {
            tracing::error!(%problem, "a metrics source cannot be set up; policies that query it will fail");
        }
        let earlier = self.active.policies();
        let cluster = self.facts.cluster.as_ref();
        let policies = config::load(&self.engine, configuration, cluster, &earlier).await;
        self.report(&policies, &earlier, start.elapsed());
        let policies = Arc::new(policies);
        let sources = Sources {
            clock: Arc::new(SystemClock),
            metrics: Arc::new(metrics),
            cluster: Arc::clone(&self.facts.cluster),
            history: Arc::clone(&self.facts.history),
        };
        let gate = Gate::new(Arc::clone(&policies), sources, self.telemetry.clone());
        let gate = gate.with_options(self.gate_options.clone());
        let set = ActiveSet {
            policies,
            metric_sources,
        };
        self.active.activate(gate, set);
        self.readiness.ready();
    }

    fn report(&self, policies: &PolicySet, earlier: &PolicySet, took: Duration) {
        let (ready, refused): (Vec<_>, Vec<_>) = policies
            .policies()
            .iter()
            .partition(|policy| is_ready(policy));
        for policy in &refused {
            if let State::Refused(reason) = &policy.state {
                tracing::error!(policy = %policy.name, %reason, "a policy cannot be loaded: its onError decides each rollout that it matches");
            }
        }
        let prepared: Vec<_> = policies
            .prepared_since(earlier)
            .map(PolicyName::as_str)
            .collect();
        tracing::info!(
            ready = ready.len(),
            refused = refused.len(),
            kept = ready.len() - prepared.len(),
            ?prepared,
            ?took,
            "policies are active"
        );
        self.telemetry.policies(ready.len(), refused.len());
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

fn is_ready(policy: &Policy) -> bool {
    matches!(policy.state, State::Ready(_))
}
