//! Measures one evaluation: in a fresh instance, with one policy and with many in turn, as on a server;
//! and as a native function.

use criterion::{Criterion, criterion_group, criterion_main};
use rollgate::config::builtin;
use rollgate::engine::{Engine, LoadedPolicy};
use rollgate_policy_probes::Probes;
use rollgate_sdk::testing::Case;
use rollgate_tests::evaluation::{self, UPDATE_16K};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fn evaluate(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let engine = evaluation::engine();
    let module = builtin::module("probes").expect("it is bundled");
    let probes = runtime
        .block_on(evaluation::load(&engine, module, "{}"))
        .expect("a policy");
    let review = evaluation::review(evaluation::rollout(UPDATE_16K));

    let mut group = c.benchmark_group("probes, 16 KB Deployment");
    group.bench_function("fresh instance", |bench| {
        bench.iter(|| {
            runtime
                .block_on(evaluation::evaluate(&probes, &review))
                .expect("a verdict")
        });
    });
    let many = runtime.block_on(different(&engine, MANY));
    for count in [8, MANY] {
        let mut in_turn = many[..count].iter().cycle();
        group.bench_function(
            format!("fresh instance, {count} policies in turn"),
            |bench| {
                bench.iter(|| {
                    let policy = in_turn.next().expect("there are some");
                    runtime
                        .block_on(evaluation::evaluate(policy, &review))
                        .expect("a verdict")
                });
            },
        );
    }
    native().evaluate_repeatedly::<Probes, _>(|judge| {
        group.bench_function("native function", |bench| {
            bench.iter(|| judge().expect("a verdict"));
        });
    });
    group.finish();
}

const MANY: usize = 30;

/// Loads policies of one module, each with other settings.
async fn different(engine: &Engine, count: usize) -> Vec<LoadedPolicy> {
    let module = builtin::module("probes").expect("it is bundled");
    let mut policies = Vec::with_capacity(count);
    for number in 0..count {
        let settings = json!({ "limits": { "initialDelaySeconds": 60 + number } });
        let policy = evaluation::load(engine, module, &settings.to_string()).await;
        policies.push(policy.expect("a policy"));
    }
    policies
}

/// Returns the same update for the policy as a native crate.
fn native() -> Case {
    let mut review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
    let mut side = |name| review["request"][name].take();
    Case::update(side("oldObject"), side("object"))
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
