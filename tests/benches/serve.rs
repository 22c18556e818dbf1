//! Measures what policies cost the webhook: requests per second, latency and CPU with 0 to 30 matching
//! policies, each compared with a server without any; how long 50 policies take to become ready, and to
//! reload when one of them changes; how much memory they use. Runs whole processes over loopback with
//! TLS, one after the other in each round.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rollgate_tests::certificate::{Authority, mount};
use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::load::{Load, Outcome, Plan, Protocol};
use rollgate_tests::measured::{cpu_time, median, resident};
use rollgate_tests::server::Serve;
use serde_json::Value;
use tempfile::TempDir;

const POLICIES: [usize; 5] = [0, 1, 3, 8, 30];
const ROUNDS: usize = 5;
const REQUESTS: usize = 4_000;
const CLIENTS: usize = 8;

#[tokio::main]
async fn main() {
    let world = World::new();
    throughput(&world).await;
    readiness(&world).await;
}

async fn throughput(world: &World) {
    let mut servers = Vec::new();
    for count in POLICIES {
        let server = world.serve(count);
        server.ready().await;
        servers.push((count, server, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (_, server, runs) in &mut servers {
            runs.push(world.run(server).await);
        }
    }
    let none = median(servers[0].2.iter().map(|run| run.per_second));
    let one = median(servers[1].2.iter().map(|run| run.cpu));
    println!(
        "{CLIENTS} clients, {ROUNDS} rounds of {REQUESTS} reviews of 16 KB; medians of the rounds"
    );
    println!("policies  requests/s  of none  p50 µs  p99 µs  CPU µs/request  for each further");
    for (count, _, runs) in &servers {
        let column = |pick: fn(&Run) -> f64| median(runs.iter().map(pick));
        let (rate, cpu) = (column(|run| run.per_second), column(|run| run.cpu));
        let slope = match count {
            0 | 1 => "-".to_owned(),
            _ => format!("{:.1}", (cpu - one) / (*count as f64 - 1.0)),
        };
        println!(
            "{count:>8}  {rate:>10.0}  {:>7.2}  {:>6.0}  {:>6.0}  {cpu:>14.0}  {slope:>16}",
            rate / none,
            column(|run| run.p50),
            column(|run| run.p99),
        );
    }
}

/// Each of the 50 policies has other settings, so that no two share a snapshot.
async fn readiness(world: &World) {
    const MANY: usize = 50;
    let empty = resident(&ready(world, 0).await.0);
    drop(ready(world, MANY).await);
    let (server, took) = ready(world, MANY).await;
    let many = resident(&server);
    println!(
        "\n{MANY} policies ready from a warm cache in {} ms, process start included",
        took.as_millis()
    );
    println!(
        "memory: {empty} KiB without policies, {} KiB for each of {MANY}",
        (many - empty) / MANY as u64
    );
    let first = server.logged(IN_FORCE);
    world.change_one_of(MANY);
    let second = server.logged(IN_FORCE);
    println!(
        "{MANY} policies loaded in {}; again in {} after a change of one, {} kept",
        time_of(&first),
        time_of(&second),
        second["kept"]
    );
}

const IN_FORCE: &str = "policies are active";

fn time_of(line: &Value) -> &str {
    line["took"].as_str().expect("a duration")
}

async fn ready(world: &World, count: usize) -> (Serve, Duration) {
    let begun = Instant::now();
    let server = world.serve(count);
    server.ready().await;
    (server, begun.elapsed())
}

/// Certificates, caches and policy folders.
struct World {
    folder: TempDir,
    authority: Authority,
}

struct Run {
    per_second: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let authority = Authority::new();
        fs::create_dir(folder.path().join("tls")).expect("a folder");
        mount(&folder.path().join("tls"), "..v0", &authority.sign(2040));
        Self { folder, authority }
    }

    fn serve(&self, policies: usize) -> Serve {
        let path = |name: &str| self.folder.path().join(name).into_os_string();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("bench-cache")
            .into_os_string();
        Serve::start([
            "--tls-cert".into(),
            path("tls/tls.crt"),
            "--tls-key".into(),
            path("tls/tls.key"),
            "--policies".into(),
            self.policies(policies).into_os_string(),
            "--cache".into(),
            cache,
            "--log-level".into(),
            "info,rollgate::admission=warn".into(),
        ])
    }

    /// A folder of so many `probes`; with none, one that matches nothing, so that a review is still
    /// parsed, classified and answered.
    fn policies(&self, count: usize) -> PathBuf {
        let file = self.file(count);
        let mut text = String::new();
        for number in 0..count {
            write!(text, "{}", policy(number, "[create, roll-forward]")).expect("a String grows");
        }
        if count == 0 {
            text = policy(0, "[delete]");
        }
        fs::write(&file, text).expect("written");
        file
    }

    /// Gives the first of so many policies the settings of the second, which are in the cache.
    fn change_one_of(&self, count: usize) {
        let text = fs::read_to_string(self.file(count)).expect("written before");
        let [first, second] = [0, 1].map(settings);
        fs::write(self.file(count), text.replace(&first, &second)).expect("written");
    }

    fn file(&self, policies: usize) -> PathBuf {
        self.folder.path().join(format!("policies-{policies}.yaml"))
    }

    async fn run(&self, server: &Serve) -> Run {
        let plan = Plan {
            address: server.webhook,
            ca: self.authority.pem.clone(),
            protocol: Protocol::Http1,
            review: UPDATE_16K.into(),
            pause: Duration::ZERO,
            reconnect_after: None,
        };
        let load = Load::start(std::iter::repeat_n(plan, CLIENTS));
        load.more(REQUESTS / 4).await;
        let (begun, cpu) = (Instant::now(), cpu_time(server));
        load.more(REQUESTS).await;
        let (took, cpu) = (begun.elapsed(), cpu_time(server) - cpu);
        let outcome = load.finish().await;
        assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
        Run::of(outcome, took, cpu)
    }
}

impl Run {
    fn of(mut outcome: Outcome, took: Duration, cpu: Duration) -> Self {
        outcome.answered.sort();
        let at = |share: usize| {
            outcome.answered[outcome.answered.len() * share / 100].as_secs_f64() * 1e6
        };
        let requests = REQUESTS as f64;
        Self {
            per_second: requests / took.as_secs_f64(),
            p50: at(50),
            p99: at(99),
            cpu: cpu.as_secs_f64() * 1e6 / requests,
        }
    }
}

fn policy(number: usize, changes: &str) -> String {
    let settings = settings(number);
    format!(
        "---\napiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {{name: probes-{number}}}\n\
         spec:\n  module: {{builtin: probes}}\n  match: {{changes: {changes}}}\n  \
         {settings}\n"
    )
}

fn settings(number: usize) -> String {
    let delay = 60 + number;
    format!("settings: {{limits: {{initialDelaySeconds: {delay}}}}}")
}
