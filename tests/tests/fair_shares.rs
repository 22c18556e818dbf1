//! However much a policy, a namespace or a module wants, its neighbours are evaluated.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rollgate::config::builtin;
use rollgate::engine::{
    Engine, EngineOptions, EvaluationError, LoadError, LoadRequest, LoadedPolicy, Module, Review,
};
use rollgate::sources::Metrics;
use rollgate_model::{Outcome, Verdict};
use rollgate_tests::evaluation;
use rollgate_tests::greedy::{self, AnswersAtOnce, NeverAnswers};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const SLOTS: u32 = 16;
/// Longer than any of these tests may take: an evaluation that waits for it has failed.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn neighbour_of_a_policy_that_waits_for_its_source_is_evaluated() {
    let (engine, probes) = engine().await;
    let slow = slow(&engine, "tenant/spy").await;
    let flood = Flood::of(&slow, "tenant", 4 * SLOTS).await;
    assert_eq!(flood.waiting(), 3, "a sixth of the slots");
    assert_allowed(&probes, "shop").await;
    assert_allowed(&probes, "tenant").await;
}

#[tokio::test]
async fn neighbour_of_a_namespace_with_many_slow_policies_is_evaluated() {
    let (engine, probes) = engine().await;
    let mut floods = Vec::new();
    for number in 0..8 {
        let slow = slow(&engine, &format!("tenant/spy-{number}")).await;
        floods.push(Flood::of(&slow, "tenant", SLOTS).await);
    }
    let waiting: usize = floods.iter().map(Flood::waiting).sum();
    assert_eq!(waiting, 6, "a third of the slots");
    assert_allowed(&probes, "shop").await;
}

#[tokio::test]
async fn flood_of_one_namespace_leaves_a_shared_policy_to_the_others() {
    let (engine, _) = engine().await;
    let shared = slow(&engine, "metrics-for-all").await;
    let _flood = Flood::of(&shared, "tenant", 4 * SLOTS).await;
    assert_allowed(&shared, "shop").await;
}

#[tokio::test]
async fn slow_policy_of_all_namespaces_leaves_slots_to_other_policies() {
    let (engine, probes) = engine().await;
    let shared = slow(&engine, "metrics-for-all").await;
    let mut floods = Vec::new();
    for namespace in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        floods.push(Flood::of(&shared, namespace, SLOTS).await);
    }
    let waiting: usize = floods.iter().map(Flood::waiting).sum();
    assert_eq!(waiting, 6, "a third of the slots");
    for namespace in ["a", "shop"] {
        assert_allowed(&probes, namespace).await;
    }
}

#[tokio::test]
async fn evaluation_beyond_the_share_fails_and_says_so() {
    let (engine, _) = engine().await;
    let slow = slow(&engine, "tenant/spy").await;
    let _flood = Flood::of(&slow, "tenant", SLOTS).await;
    let review = greedy::review("tenant", &Arc::new(AnswersAtOnce));
    let soon = Instant::now() + Duration::from_millis(50);
    let error = slow.evaluate(&review, soon).await.expect_err("no slot");
    assert_eq!(error, EvaluationError::ShareInUse);
    assert!(error.to_string().contains("share"), "{error}");
}

#[tokio::test]
async fn slots_are_given_back_when_the_flood_is_over() {
    let (engine, _) = engine().await;
    let slow = slow(&engine, "tenant/spy").await;
    let flood = Flood::of(&slow, "tenant", 4 * SLOTS).await;
    drop(flood);
    assert_allowed(&slow, "tenant").await;
}

#[tokio::test]
async fn policy_of_many_core_instances_and_tables_leaves_enough_for_its_neighbours() {
    let (engine, probes) = engine().await;
    let heavy = greedy::with_core_instances(55, "(module (table 1 funcref))");
    let deed = "slow-query";
    let mut floods = Vec::new();
    for number in 0..4 {
        let name = format!("tenant-{number}/heavy");
        let heavy = greedy::load(&engine, &name, &heavy, deed, |_| {}).await;
        let namespace = format!("tenant-{number}");
        floods.push(Flood::of(&heavy.expect("it loads"), &namespace, SLOTS).await);
    }
    let waiting: usize = floods.iter().map(Flood::waiting).sum();
    assert!(waiting > 8, "{waiting} heavy evaluations at once");
    assert_allowed(&probes, "shop").await;
}

#[tokio::test]
async fn tables_count_as_memory() {
    let (engine, _) = engine().await;
    let tables = greedy::with_core_instances(30, "(module (table 100000 funcref))");
    let with = async |mebibytes: usize| {
        let limit = |request: &mut LoadRequest| request.limits.memory = mebibytes << 20;
        greedy::load(&engine, "tables", &tables, "loop", limit).await
    };
    let error = with(16).await.expect_err("24 MB of tables");
    assert!(
        matches!(
            error,
            LoadError::Crashed {
                error: EvaluationError::Memory(_),
                ..
            }
        ),
        "{error:?}"
    );
    with(32).await.expect("they fit");
}

#[tokio::test]
async fn policy_larger_than_a_sandbox_does_not_load_and_says_why() {
    let (engine, _) = engine().await;
    let cases = [
        (
            greedy::with_core_instances(80, "(module)"),
            "core module instances",
            "65",
        ),
        (
            greedy::with_core_instances(8, "(module (memory 0))"),
            "memories",
            "4",
        ),
        (
            greedy::with_core_instances(8, &format!("(module {})", "(table 1 funcref)".repeat(9))),
            "tables",
            "64",
        ),
    ];
    for (component, what, bound) in cases {
        let loaded = greedy::load(&engine, "large", &component, "loop", |_| {}).await;
        let error = loaded.expect_err(what);
        assert!(matches!(error, LoadError::TooLarge(_)), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(what) && said.contains(bound), "{said}");
    }
}

/// An engine with few slots, and a sound policy in it.
async fn engine() -> (Engine, Arc<LoadedPolicy>) {
    let options = EngineOptions {
        slots: NonZeroU32::new(SLOTS).expect("not zero"),
        ..EngineOptions::default()
    };
    let engine = Engine::new(&options).expect("the machine can hold the pool");
    let request = LoadRequest {
        name: "probes".into(),
        module: Module::new(builtin::module("probes").expect("it is bundled").into()),
        ..evaluation::load_request(&[], "{}")
    };
    let probes = engine.load(request).await.expect("it loads");
    (engine, Arc::new(probes))
}

/// A policy that waits for its source of metrics.
async fn slow(engine: &Engine, name: &str) -> Arc<LoadedPolicy> {
    let policy = greedy::misbehaving(engine, name, "slow-query").await;
    policy.expect("it loads")
}

/// Evaluations of one policy for one namespace, whose source never answers.
struct Flood {
    source: Arc<NeverAnswers>,
    _evaluations: JoinSet<Result<Verdict, EvaluationError>>,
}

impl Flood {
    /// Starts so many evaluations, and waits until no further one starts.
    async fn of(policy: &Arc<LoadedPolicy>, namespace: &str, count: u32) -> Self {
        let source = Arc::<NeverAnswers>::default();
        let review = greedy::review(namespace, &source);
        let mut evaluations = JoinSet::new();
        for _ in 0..count {
            evaluations.spawn(evaluate(Arc::clone(policy), Arc::clone(&review)));
        }
        // On one thread, each task runs until it waits: for a slot, or for its source.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Self {
            source,
            _evaluations: evaluations,
        }
    }

    /// How many hold a slot.
    fn waiting(&self) -> usize {
        self.source.queries()
    }
}

async fn assert_allowed(policy: &Arc<LoadedPolicy>, namespace: &str) {
    let metrics: Arc<AnswersAtOnce> = Arc::default();
    let verdict = evaluated(policy, namespace, &metrics).await;
    assert_eq!(verdict.map(|verdict| verdict.outcome), Ok(Outcome::Allow));
}

async fn evaluated(
    policy: &Arc<LoadedPolicy>,
    namespace: &str,
    metrics: &Arc<impl Metrics + 'static>,
) -> Result<Verdict, EvaluationError> {
    let review = greedy::review(namespace, metrics);
    let evaluation = evaluate(Arc::clone(policy), review);
    timeout(LONG / 2, evaluation).await.expect("it gets a slot")
}

async fn evaluate(
    policy: Arc<LoadedPolicy>,
    review: Arc<Review>,
) -> Result<Verdict, EvaluationError> {
    policy.evaluate(&review, Instant::now() + LONG).await
}
