//! `rollgate serve`: the webhook.

mod cluster;
mod process;
mod register;
mod tenants;
mod tls;
mod values;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::runtime::{self, Handle};

use super::tags::TagArgs;
use super::{Exit, policies};
use crate::admission::GateOptions;
use crate::cluster::{self as kubernetes, ClusterTasks};
use crate::engine::{CacheState, Engine, EngineOptions};
use crate::reload::{ActivePolicies, BundledPolicies, PolicyFiles, PolicyLoader, PolicySource};
use crate::server::{Bounds, Context, Drain, Ended, EvaluationPool, Options, Readiness, Server};
use crate::sources::ClusterSources;
use crate::telemetry::{CacheUse, Telemetry, logs};
use values::{LogFormat, bytes, duration};

/// How long each step of [`ClusterTasks::shutdown`] may take.
const TASKS_TIMEOUT: Duration = Duration::from_secs(2);

/// Run the admission webhook
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file or folder of policies, reloaded when it changes; without any, the policies of the cluster
    /// (--cluster) or the bundled ones are used
    #[arg(long, value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Where the webhook listens, over TLS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// Where /healthz, /readyz, /metrics and /info listen, over plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    admin: SocketAddr,
    #[command(flatten)]
    tls: tls::TlsArgs,
    #[command(flatten)]
    callers: tls::CallerArgs,
    #[command(flatten)]
    cluster: cluster::Args,
    #[command(flatten)]
    tenants: tenants::Args,
    #[command(flatten)]
    register: register::Args,
    /// The folder that caches compiled policies, by default in the user's cache folder; nobody else may
    /// have access to it
    #[arg(long, value_name = "FOLDER", env = "ROLLGATE_CACHE")]
    cache: Option<PathBuf>,
    /// How many evaluations may run at once; further ones wait
    #[arg(long, value_name = "NUMBER", default_value = "128")]
    slots: NonZeroU32,
    #[command(flatten)]
    tags: TagArgs,
    #[command(flatten)]
    bounds: BoundArgs,
    #[command(flatten)]
    drain: DrainArgs,
    /// error, warn, info, debug, trace or off, or pairs such as `info,rollgate=debug`
    #[arg(long, value_name = "LEVEL", env = "LOG_LEVEL", default_value = "info")]
    log_level: logs::Filter,
    /// The shape of a log line
    #[arg(
        long,
        value_name = "FORMAT",
        env = "LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
}

#[derive(Debug, clap::Args)]
struct BoundArgs {
    /// The largest review
    #[arg(long, value_name = "SIZE", default_value = "8Mi", value_parser = bytes)]
    body_limit: usize,
    /// The memory of all reviews at once, each up to 8 times its size and 1 MiB; further ones wait
    #[arg(long, value_name = "SIZE", default_value = "128Mi", value_parser = bytes)]
    body_memory: usize,
    /// Connections open at once; further ones wait
    #[arg(long, value_name = "NUMBER", default_value = "2048", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// How long a connection may be idle; the API server keeps them for 90 s and must be the first
    /// to close
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    idle_timeout: Duration,
}

#[derive(Debug, clap::Args)]
struct DrainArgs {
    /// How long to go on serving after SIGTERM, until every balancer knows
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    drain_delay: Duration,
    /// How long accepted requests may take after that
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    drain_timeout: Duration,
}

/// Serves until a signal ends it.
///
/// # Errors
/// If it cannot start: a certificate does not load, a port is taken.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let logs = logs::init(args.log_level.clone(), args.log_format.into())?;
    process::log_panics();
    process::raise_file_limit();
    let serving = runtime("rollgate-serve").build()?;
    // One that is busy with a guest leaves another, even on a single processor.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let evaluating = runtime("rollgate-evaluate")
        .worker_threads(processors.max(2))
        .build()?;
    let exit = serving.block_on(serve(args, &logs, evaluating.handle()));
    // A guest that is being compiled or a hanging file system must not delay the end.
    serving.shutdown_background();
    evaluating.shutdown_background();
    exit
}

fn runtime(thread_name: &str) -> runtime::Builder {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.thread_name(thread_name).enable_all();
    builder
}

async fn serve(args: Args, logs: &logs::Guard, evaluating: &Handle) -> anyhow::Result<Exit> {
    let (stop, stop_at_once) = process::signals()?;
    let stop = stop.shared();
    let telemetry = Telemetry::default();
    telemetry.log(logs);

    let registration = args.register.options(&args.tls)?;
    let tls = args.tls.load(&telemetry)?;
    let path_secrets = registration.as_ref().map(|it| it.path_secrets.clone());
    let callers = args.callers.load(path_secrets, &args.tls)?;
    // Before any task starts, so that a taken port ends the process at once.
    let server = Server::bind(args.server_options()).await?;
    let replica = args.cluster.replica().await?;

    let facts = match &replica {
        Some(replica) => kubernetes::facts(&replica.clients, &replica.installation.namespace),
        None => ClusterSources::disconnected(),
    };

    let engine = Engine::new(&EngineOptions {
        slots: args.slots,
        cache: args.cache.clone().or_else(policies::cache),
    })?;
    report_cache(&engine, &telemetry);
    let active = Arc::<ActivePolicies>::default();
    let readiness = Readiness::waiting_for("the policies are being read and compiled");
    let mut tasks =
        replica.map(|replica| ClusterTasks::new(replica, &active, &telemetry, stop.clone()));
    let policies = args.policy_source(tasks.as_mut(), &readiness);

    let gate_options = GateOptions {
        argo_controllers: args.register.argo_controllers(),
        mutable_tags: args.tags.set(),
        ..tasks
            .as_ref()
            .map_or_else(GateOptions::default, ClusterTasks::gate_options)
    };
    let loader = PolicyLoader {
        engine,
        facts,
        gate_options,
        active: Arc::clone(&active),
        readiness: readiness.clone(),
        telemetry: telemetry.clone(),
    };

    let context = Context {
        tls,
        callers,
        pool: EvaluationPool::new(evaluating.clone()),
        readiness,
        telemetry,
        info: Arc::new({
            let active = Arc::clone(&active);
            move || active.info()
        }),
    };
    if let (Some(tasks), Some(registration)) = (&mut tasks, registration) {
        tasks.register(registration, &context);
    }
    tracing::info!(
        webhook = %server.address()?,
        admin = %server.admin_address()?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    tokio::select! {
        ended = server.run(active, context, stop) => {
            if let Some(tasks) = tasks {
                tasks.shutdown(TASKS_TIMEOUT).await;
            }
            Ok(exit(ended))
        }
        failed = tokio::spawn(loader.run(policies)) => match failed {
            Ok(never) => match never {},
            Err(error) => Err(error).context("the task that reloads policies failed"),
        },
        () = stop_at_once => anyhow::bail!("ended at once by a second signal"),
    }
}

/// Says whether there is a cache; the engine has logged why a folder cannot be used.
fn report_cache(engine: &Engine, telemetry: &Telemetry) {
    let state = engine.cache_state();
    if let CacheState::NotConfigured = state {
        tracing::warn!(
            "running without a cache: policies are prepared anew at each start; name a private folder by --cache, or set XDG_CACHE_HOME or HOME"
        );
    }
    telemetry.cache(match state {
        CacheState::Used => CacheUse::Used,
        CacheState::NotConfigured | CacheState::Unusable(_) => CacheUse::None,
    });
}

fn exit(ended: Ended) -> Exit {
    match ended {
        Ended::Clean => {
            tracing::info!("ended; every accepted request was answered");
            Exit::Success
        }
        Ended::CutOff(connections) => {
            tracing::warn!(
                connections,
                "ended by the drain timeout with connections still open"
            );
            Exit::Failure
        }
    }
}

impl Args {
    fn server_options(&self) -> Options {
        Options {
            listen: self.listen,
            admin: self.admin,
            bounds: Bounds {
                body: self.bounds.body_limit,
                bodies: self.bounds.body_memory,
                connections: self.bounds.max_connections as usize,
                idle: self.bounds.idle_timeout,
                ..Bounds::default()
            },
            drain: Drain {
                delay: self.drain.drain_delay,
                timeout: self.drain.drain_timeout,
            },
        }
    }

    /// Returns where policies come from, watched from now on.
    fn policy_source(
        &self,
        tasks: Option<&mut ClusterTasks>,
        readiness: &Readiness,
    ) -> Box<dyn PolicySource> {
        match (self.policies.as_slice(), tasks) {
            ([], Some(tasks)) => {
                let (modules, ceilings) = (self.cluster.modules.clone(), self.tenants.ceilings());
                Box::new(tasks.watch_policies(modules, ceilings, readiness))
            }
            ([], None) => Box::new(BundledPolicies),
            (paths, _) => Box::new(PolicyFiles::new(paths.to_vec())),
        }
    }
}
