//! Measures a server with 2,000 policies of the bundled modules in 200 namespaces, each with settings of
//! its own: how long until it is ready from nothing and from a warm cache, how long until a change of one
//! is active, and what a review costs that one of them matches, compared with a server that has only this
//! one. Runs whole processes, one after the other.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::files::Files;
use rollgate_tests::load::{Load, Plan};
use rollgate_tests::measured::{cpu_time, median, resident};
use rollgate_tests::server::Serve;
use serde_json::Value;
use tempfile::TempDir;

const POLICIES: usize = 2_000;
const NAMESPACES: usize = 200;
const ROUNDS: usize = 5;
const REQUESTS: usize = 4_000;
/// The namespace of the review; only one policy is in it.
const OWN: &str = "own";

#[tokio::main]
async fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{POLICIES} policies in {NAMESPACES} namespaces; {cores} cores");
    let many = Site::new(POLICIES);
    let (server, took) = many.ready().await;
    println!("ready from nothing       {:>7} ms", took.as_millis());
    println!("resident                 {:>7} KiB", resident(&server));
    drop(server);
    let mut warm = Vec::new();
    for _ in 0..ROUNDS {
        warm.push(many.ready().await.1.as_secs_f64() * 1e3);
    }
    println!(
        "ready from a warm cache  {:>7.0} ms",
        median(warm.into_iter())
    );

    let (server, _) = many.ready().await;
    drop(server.logged(ACTIVE));
    let mut seen = Vec::new();
    let mut loaded = Vec::new();
    for round in 0..ROUNDS {
        let changed = Instant::now();
        many.write_own(60 + round);
        let line = server.logged(ACTIVE);
        seen.push(changed.elapsed().as_secs_f64() * 1e3);
        loaded.push(milliseconds(line["took"].as_str().expect("a duration")));
    }
    println!(
        "one change, from write   {:>7.0} ms",
        median(seen.into_iter())
    );
    println!(
        "one change, loading      {:>7.1} ms",
        median(loaded.into_iter())
    );

    let one = Site::new(1);
    let (alone, _) = one.ready().await;
    let servers = [(&many, &server), (&one, &alone)];
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for ((site, server), costs) in servers.iter().zip(&mut costs) {
            costs.push(site.cost(server).await);
        }
    }
    let [many, one] = costs.map(|costs| median(costs.into_iter()));
    println!("review, {POLICIES} policies    {many:>7.0} µs of CPU");
    println!("review, 1 policy         {one:>7.0} µs of CPU");
}

const ACTIVE: &str = "policies are active";

fn milliseconds(duration: &str) -> f64 {
    for (unit, factor) in [("ms", 1.0), ("µs", 1e-3), ("s", 1e3)] {
        if let Some(number) = duration.strip_suffix(unit) {
            return number.parse::<f64>().expect("a number") * factor;
        }
    }
    panic!("{duration} is no duration");
}

/// A server's files and cache.
struct Site {
    files: Files,
    cache: TempDir,
}

impl Site {
    /// With `count` policies, one of which is in the namespace of the review.
    fn new(count: usize) -> Self {
        let site = Self {
            files: Files::new(),
            cache: TempDir::new().expect("a folder"),
        };
        site.files.put("source.yaml", SOURCE.as_bytes());
        for namespace in 0..NAMESPACES {
            let numbers = (1..count).filter(|number| number % NAMESPACES == namespace);
            let text = numbers.fold(String::new(), |text, number| text + &policy(number));
            if !text.is_empty() {
                site.files
                    .put(&format!("team-{namespace}.yaml"), text.as_bytes());
            }
        }
        site.write_own(30);
        site
    }

    fn write_own(&self, delay: usize) {
        let text = probes("own", OWN, delay);
        self.files.put("own.yaml", text.as_bytes());
    }

    async fn ready(&self) -> (Serve, Duration) {
        let begun = Instant::now();
        let more = [
            "--drain-delay",
            "0s",
            "--log-level",
            "info,rollgate::admission=warn",
        ];
        let server = Serve::start(
            self.files
                .arguments(&self.cache.path().join("cache"), &more),
        );
        server.ready().await;
        (server, begun.elapsed())
    }

    /// Returns the CPU time of one review, in microseconds.
    async fn cost(&self, server: &Serve) -> f64 {
        let mut review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
        review["request"]["namespace"] = OWN.into();
        for object in ["object", "oldObject"] {
            review["request"][object]["metadata"]["namespace"] = OWN.into();
        }
        let plan = Plan {
            pause: Duration::ZERO,
            ..self.files.plan(server.webhook, review.to_string())
        };
        let load = Load::start([plan.clone(), plan]);
        load.more(REQUESTS / 4).await;
        let before = cpu_time(server);
        load.more(REQUESTS).await;
        let used = cpu_time(server) - before;
        let outcome = load.finish().await;
        assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
        used.as_secs_f64() * 1e6 / REQUESTS as f64
    }
}

const SOURCE: &str = "\
apiVersion: rollgate.dev/v1alpha1
kind: MetricSource
metadata: {name: prometheus}
spec: {prometheus: {url: 'http://localhost:9'}}
";

fn policy(number: usize) -> String {
    let namespace = format!("team-{}", number % NAMESPACES);
    let name = format!("policy-{number}");
    match number % 3 {
        0 => probes(&name, &namespace, number),
        1 => {
            head(&name, &namespace, "time-window")
                + &format!(
                    "  settings: {{timeZone: Europe/Berlin, deny: [{{reason: freeze {number}, span: {{start: 2026-12-20T00:00, end: '2027-01-{:02}T{:02}:{:02}'}}}}]}}\n",
                    1 + number % 28,
                    number % 24,
                    number % 60,
                )
        }
        _ => {
            head(&name, &namespace, "metrics-threshold")
                + &format!(
                    "  grants: {{metrics: [prometheus]}}\n  settings: {{source: prometheus, checks: [{{name: errors, query: 'sum(errors{{app=\"a{number}\"}})', max: {number}}}]}}\n",
                )
        }
    }
}

fn probes(name: &str, namespace: &str, delay: usize) -> String {
    let mut text = head(name, namespace, "probes");
    let _ = writeln!(
        text,
        "  settings: {{limits: {{initialDelaySeconds: {delay}}}}}"
    );
    text
}

fn head(name: &str, namespace: &str, module: &str) -> String {
    format!(
        "---\napiVersion: rollgate.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  module: {{builtin: {module}}}\n"
    )
}
