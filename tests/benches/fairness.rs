//! Measures how long a sound policy takes beside greedy ones, and alone, in one run: the evaluation itself,
//! and with the time that its task waits for a thread.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rollgate::config::builtin;
use rollgate::engine::{Engine, LoadRequest, LoadedPolicy, Module, Review};
use rollgate_tests::evaluation;
use rollgate_tests::greedy::{self, AnswersAtOnce, NeverAnswers};
use tokio::task::JoinSet;
use tokio::time::Instant;

const EVALUATIONS: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(2);
/// How many evaluations of the greedy policy are under way or wait.
const GREEDY_AT_ONCE: usize = 256;

#[tokio::main]
async fn main() {
    let engine = evaluation::engine();
    let request = LoadRequest {
        name: "probes".into(),
        module: Module::new(builtin::module("probes").expect("it is bundled").into()),
        ..evaluation::load_request(&[], "{}")
    };
    let sound = Arc::new(engine.load(request).await.expect("it loads"));
    println!(
        "one sound evaluation each {} ms, {EVALUATIONS} alone and as many beside {GREEDY_AT_ONCE} greedy ones",
        PAUSE.as_millis()
    );
    println!(
        "beside                     evaluation, p99 µs:  alone  beside  ratio   with its task:  alone  beside  ratio"
    );
    measure(&sound).await;
    for greedy in greedy_policies(&engine).await {
        let alone = measure(&sound).await;
        let load = greedy.start();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let beside = measure(&sound).await;
        drop(load);
        tokio::time::sleep(Duration::from_millis(200)).await;
        println!(
            "{:<46} {:>6.0} {:>7.0} {:>6.1} {:>23.0} {:>7.0} {:>6.1}",
            greedy.name,
            alone.evaluation,
            beside.evaluation,
            beside.evaluation / alone.evaluation,
            alone.task,
            beside.task,
            beside.task / alone.task,
        );
    }
}

struct Greedy {
    name: &'static str,
    policy: Arc<LoadedPolicy>,
    review: Arc<Review>,
}

async fn greedy_policies(engine: &Engine) -> Vec<Greedy> {
    let slow: Arc<NeverAnswers> = Arc::default();
    let quick: Arc<AnswersAtOnce> = Arc::default();
    let instances = greedy::with_core_instances(55, "(module (table 1 funcref))");
    let tables = greedy::with_core_instances(
        18,
        "(module (table 100000 100000 funcref) (func $f) (elem declare func $f)
           (func $start (table.fill 0 (i32.const 0) (ref.func $f) (i32.const 100000))) (start $start))",
    );
    let module = greedy::guest();
    let cases: [(_, &[u8], _, _, _); 6] = [
        ("a loop", &module, "loop", None, 16),
        ("a source of 9 s", &module, "slow-query", Some(&slow), 16),
        ("58 core instances", &instances, "says-nothing", None, 16),
        ("14 MB of tables", &tables, "says-nothing", None, 16),
        ("256 MiB of memory", &module, "memory-bomb", None, 256),
        ("many short evaluations", &module, "says-nothing", None, 16),
    ];
    let mut policies = Vec::new();
    for (name, guest, deed, source, mebibytes) in cases {
        let change = |request: &mut LoadRequest| {
            request.limits.memory = mebibytes << 20;
            request.limits.timeout = Duration::from_secs(9);
        };
        let policy = greedy::load(engine, "tenant/greedy", guest, deed, change).await;
        policies.push(Greedy {
            name,
            policy: policy.expect("it loads"),
            review: match source {
                Some(source) => greedy::review("tenant", source),
                None => greedy::review("tenant", &quick),
            },
        });
    }
    policies
}

impl Greedy {
    /// Evaluates the policy again and again, until the result is dropped.
    fn start(&self) -> JoinSet<()> {
        let mut load = JoinSet::new();
        for _ in 0..GREEDY_AT_ONCE {
            let (policy, review) = (Arc::clone(&self.policy), Arc::clone(&self.review));
            load.spawn(async move {
                loop {
                    let until = Instant::now() + Duration::from_secs(10);
                    let _ = policy.evaluate(&review, until).await;
                    // As the next review would come in on another task.
                    tokio::task::yield_now().await;
                }
            });
        }
        load.spawn(pending());
        load
    }
}

/// The 99th percentile, in microseconds.
struct Latency {
    evaluation: f64,
    task: f64,
}

async fn measure(policy: &Arc<LoadedPolicy>) -> Latency {
    let review = greedy::review("shop", &Arc::new(AnswersAtOnce));
    let mut evaluations = Vec::with_capacity(EVALUATIONS);
    let mut tasks = Vec::with_capacity(EVALUATIONS);
    for _ in 0..EVALUATIONS {
        tokio::time::sleep(PAUSE).await;
        let (policy, review) = (Arc::clone(policy), Arc::clone(&review));
        let spawned = Instant::now();
        let evaluation = tokio::spawn(async move {
            let begun = Instant::now();
            let until = begun + Duration::from_secs(10);
            let verdict = policy.evaluate(&review, until).await;
            (verdict, begun.elapsed(), spawned.elapsed())
        });
        let (verdict, evaluation, task) = evaluation.await.expect("no panic");
        verdict.expect("a verdict");
        evaluations.push(evaluation);
        tasks.push(task);
    }
    Latency {
        evaluation: p99(evaluations),
        task: p99(tasks),
    }
}

fn p99(mut taken: Vec<Duration>) -> f64 {
    taken.sort();
    taken[taken.len() * 99 / 100].as_secs_f64() * 1e6
}
