//! Runs scenarios, each policy loaded once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rollgate_model::scenario::{Expectation, Scenario};
use rollgate_model::{Change, Failure, Verdict};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Case;
use super::plan::{Plan, Plans};
use crate::engine::{Engine, EvaluationError, LoadRequest, LoadedPolicy, Review};
use crate::sources::{FirstUnanswered, NamedMetrics, Sources};

/// Runs scenarios.
pub(super) struct Runner {
    engine: Engine,
    plans: Plans,
    metrics: Arc<NamedMetrics>,
}

/// Scenarios run at once.
const AT_ONCE: usize = 16;
/// The timeouts of the policies are shorter.
const DEADLINE: Duration = Duration::from_secs(60);

/// A policy that is loaded for the first scenario that needs it.
type Shared = Arc<OnceCell<Result<Arc<LoadedPolicy>, String>>>;

impl Runner {
    pub(super) fn new(engine: Engine, plans: Plans) -> Self {
        let metrics = Arc::new(plans.metrics());
        Self {
            engine,
            plans,
            metrics,
        }
    }

    /// Runs every case; the results keep the order.
    pub(super) async fn run(&self, cases: &[Case]) -> Vec<Result<(), String>> {
        let mut loaded: Vec<(Plan, Shared)> = Vec::new();
        let planned: Vec<_> = cases
            .iter()
            .map(|case| self.plans.plan(case).map(|plan| share(&mut loaded, plan)))
            .collect();
        let under_way = cases.iter().zip(planned).map(|(case, planned)| async move {
            let (plan, shared) = planned?;
            let policy = shared.get_or_init(|| self.load(plan)).await.clone()?;
            evaluate(case, &policy, &self.metrics).await
        });
        stream::iter(under_way).buffered(AT_ONCE).collect().await
    }

    async fn load(&self, plan: Plan) -> Result<Arc<LoadedPolicy>, String> {
        let Plan {
            name,
            module,
            settings,
            limits,
            grants,
        } = plan;
        let module = module.read().map_err(|error| error.to_string())?;
        let request = LoadRequest {
            name,
            module,
            settings,
            limits,
            grants,
        };
        self.engine
            .load(request)
            .await
            .map(Arc::new)
            .map_err(|error| error.to_string())
    }
}

/// Returns the policy of an equal plan.
fn share(loaded: &mut Vec<(Plan, Shared)>, plan: Plan) -> (Plan, Shared) {
    if let Some((_, shared)) = loaded.iter().find(|(known, _)| *known == plan) {
        return (plan, Arc::clone(shared));
    }
    let shared = Shared::default();
    loaded.push((plan.clone(), Arc::clone(&shared)));
    (plan, shared)
}

async fn evaluate(
    case: &Case,
    policy: &LoadedPolicy,
    metrics: &Arc<NamedMetrics>,
) -> Result<(), String> {
    let rollout = case.scenario.rollout().map_err(|error| error.to_string())?;
    let change = rollout.change();
    let scenario = Arc::new(case.scenario.clone());
    let unanswered = Arc::new(FirstUnanswered::default());
    let answers = Sources::of_scenario_alone(scenario, Arc::clone(&unanswered));
    let sources = Sources {
        metrics: Arc::clone(metrics).answered_by(answers.metrics),
        ..answers
    };
    let review = Arc::new(Review::new(case.file.to_string(), rollout, sources));
    let said = policy.evaluate(&review, Instant::now() + DEADLINE).await;
    if let Some(question) = unanswered.question() {
        return Err(question.to_string());
    }
    compare(&case.scenario, change, said)
}

fn compare(
    scenario: &Scenario,
    change: Change,
    said: Result<Verdict, EvaluationError>,
) -> Result<(), String> {
    let answer: Result<Verdict, Failure> = match said {
        Ok(verdict) => {
            let kept = verdict.check_contract();
            kept.map_err(|broken| broken.to_string())?;
            Ok(verdict)
        }
        Err(EvaluationError::Failed(failure)) => Err(failure),
        Err(error) => return Err(error.to_string()),
    };
    match &scenario.expect {
        Some(expected) => expected
            .check(change, &answer)
            .map_err(|mismatch| mismatch.to_string()),
        None => Err(Expectation::missing(change, &answer)),
    }
}
