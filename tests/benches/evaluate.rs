//! What one evaluation costs: in a fresh sandbox, in a reused one, and as a native function.

use criterion::{Criterion, criterion_group, criterion_main};
use rollgate::config::builtin;
use rollgate_tests::judging::{self, UPDATE_16K};
use tokio::runtime::Runtime;

fn evaluate(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let engine = judging::engine();
    let module = builtin::module("probes").expect("it is bundled");
    let probes = runtime
        .block_on(judging::load(&engine, module, "{}"))
        .expect("a policy");
    let review = judging::review(judging::rollout(UPDATE_16K));
    let mut kept = runtime.block_on(probes.keep(&review)).expect("a sandbox");

    let mut group = c.benchmark_group("probes, 16 KB Deployment");
    group.bench_function("fresh sandbox", |bench| {
        bench.iter(|| {
            runtime
                .block_on(judging::judge(&probes, &review))
                .expect("a verdict")
        });
    });
    group.bench_function("reused sandbox", |bench| {
        bench.iter(|| runtime.block_on(kept.evaluate()).expect("a verdict"));
    });
    group.finish();
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
