//! Brings policies into force, and those of a changed origin without a request noticing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{InForce, Live, Origin, Standing};
use crate::admission::{Gate, GateOptions};
use crate::config::{self, Configuration, Policy, PolicyName, PolicySet, State};
use crate::engine::Engine;
use crate::server::Readiness;
use crate::sources::{Facts, Sources, SystemClock};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// How soon a policy is loaded that only waits for a right of ours.
const LOOK_FOR_RIGHTS_EVERY: Duration = Duration::from_secs(30);

/// Brings policies into force.
pub struct Loader {
    /// Compiles and runs them.
    pub engine: Engine,
    /// What the cluster tells.
    pub facts: Facts,
    /// What ties reviews to the cluster.
    pub ties: GateOptions,
    /// Where they come into force.
    pub live: Arc<Live>,
    /// Told when the first set is in force, and what is wrong before.
    pub readiness: Readiness,
    /// Told of each set.
    pub telemetry: Telemetry,
}

impl Loader {
    /// Loads the policies of an origin, and again whenever they change, for ever.
    ///
    /// A set comes into force whole or not at all: where a file does not parse, the last good set
    /// stays, and before the first one the process stays unready.
    pub async fn run(self, mut origin: Box<dyn Origin>) -> Infallible {
        loop {
            let configuration = origin.read().await;
            if configuration.problems.is_empty() {
                self.put_in_force(&configuration).await;
            } else {
                self.refuse(&configuration);
            }
            tokio::select! {
                () = origin.changed() => {}
                () = self.rights_may_have_come() => {}
            }
        }
    }

    /// Nothing tells of a ClusterRole that was changed, or of a kind that came.
    async fn rights_may_have_come(&self) {
        if self.live.set().awaits_permissions() {
            tokio::time::sleep(LOOK_FOR_RIGHTS_EVERY).await;
        } else {
            std::future::pending().await
        }
    }

    async fn put_in_force(&self, configuration: &Configuration) {
        let begun = Instant::now();
        let (metrics, states) = config::metrics(configuration, &self.facts.secrets);
        for problem in states.iter().filter_map(|source| source.problem.as_ref()) {
            tracing::error!(%problem, "a metrics source cannot be set up; policies that ask it will fail");
        }
        let earlier = self.live.set();
        let cluster = self.facts.cluster.as_ref();
        let set = config::load(&self.engine, configuration, cluster, &earlier).await;
        self.tell(&set, &earlier, begun.elapsed());
        let set = Arc::new(set);
        let sources = Sources {
            clock: Arc::new(SystemClock),
            metrics: Arc::new(metrics),
            cluster: Arc::clone(&self.facts.cluster),
            history: Arc::clone(&self.facts.history),
        };
        let gate = Gate::new(Arc::clone(&set), sources, self.telemetry.clone());
        let gate = gate.with_options(self.ties.clone());
        let standing = Standing {
            set,
            sources: states,
        };
        self.live.put(InForce::new(gate), standing);
        self.readiness.ready();
    }

    fn tell(&self, set: &PolicySet, earlier: &PolicySet, took: Duration) {
        let (ready, refused): (Vec<_>, Vec<_>) =
            set.policies().iter().partition(|policy| is_ready(policy));
        for policy in &refused {
            if let State::Refused(reason) = &policy.state {
                tracing::error!(policy = %policy.name, %reason, "a policy cannot judge: each rollout it matches is answered by its onError");
            }
        }
        let prepared: Vec<_> = set
            .prepared_since(earlier)
            .map(PolicyName::as_str)
            .collect();
        tracing::info!(
            ready = ready.len(),
            refused = refused.len(),
            kept = ready.len() - prepared.len(),
            ?prepared,
            ?took,
            "policies are in force"
        );
        self.telemetry.policies(ready.len(), refused.len());
        self.telemetry
            .reload(ReloadSubject::Policies, ReloadOutcome::Ok);
    }

    fn refuse(&self, configuration: &Configuration) {
        let problems: Vec<_> = configuration
            .problems
            .iter()
            .map(ToString::to_string)
            .collect();
        let consequence = if self.live.is_in_force() {
            "the policies before this change stay in force"
        } else {
            self.readiness.missing(problems.clone());
            "not ready until it is mended"
        };
        for problem in &problems {
            tracing::error!(problem, consequence, "the policies cannot be read");
        }
        self.live.keep(problems);
        self.telemetry
            .reload(ReloadSubject::Policies, ReloadOutcome::Failed);
    }
}

fn is_ready(policy: &Policy) -> bool {
    matches!(policy.state, State::Ready(_))
}
