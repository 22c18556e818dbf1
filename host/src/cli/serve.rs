//! `rollgate serve`: the webhook.

mod callers;
mod cluster;
mod process;
mod register;
mod ties;
mod values;

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::runtime::{Handle, Runtime};

use super::tags::TagArgs;
use super::{Exit, policies};
use crate::admission::GateOptions;
use crate::cluster::Feed;
use crate::engine::{Engine, EngineOptions};
use crate::server::live::{Bundled, Files, LOOK_EVERY, Live, Loader, Origin};
use crate::server::tls::{self, Tls};
use crate::server::watch::Watch;
use crate::server::{
    Bounds, Context, Drain, Ended, EvaluationPool, Info, Options, Readiness, Server,
};
use crate::sources::Facts;
use crate::telemetry::{Telemetry, logs};
use cluster::{Member, Writers};
use values::{LogFormat, bytes, duration};

/// Run the admission webhook
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file or folder of policies, watched for changes; without any, those of the cluster
    /// (--cluster) or the bundled set are in force
    #[arg(long, value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Where the API server calls, over TLS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// Where /healthz, /readyz, /metrics and /info are, in plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    admin: SocketAddr,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    callers: callers::Args,
    #[command(flatten)]
    cluster: cluster::Args,
    #[command(flatten)]
    register: register::Args,
    /// The folder for prepared policies, by default the user's cache folder; it must be ours alone
    #[arg(long, value_name = "FOLDER", env = "ROLLGATE_CACHE")]
    cache: Option<PathBuf>,
    /// Evaluations that may be under way at once; further ones wait
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
#[group(skip)]
#[command(group(clap::ArgGroup::new("certificate").required(true).multiple(true).args(["tls_cert", "self_signed", "register"])))]
struct TlsArgs {
    /// The serving certificate in PEM, its chain behind it; reloaded when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Clients must show a certificate signed by one of these (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "self_signed")]
    client_ca: Option<PathBuf>,
    /// For trying out: serve with a fresh certificate for these names, and print its CA
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "localhost,127.0.0.1,::1",
        conflicts_with_all = ["tls_cert", "tls_key", "register"]
    )]
    self_signed: Option<Vec<String>>,
}

#[derive(Debug, clap::Args)]
struct BoundArgs {
    /// The largest review
    #[arg(long, value_name = "SIZE", default_value = "8Mi", value_parser = bytes)]
    body_limit: usize,
    /// All reviews held in memory at once; further ones wait
    #[arg(long, value_name = "SIZE", default_value = "512Mi", value_parser = bytes)]
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
/// Where it cannot start: a certificate that does not load, a port that is taken.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let logs = logs::init(args.log_level.clone(), args.log_format.into())?;
    process::log_panics();
    process::raise_file_limit();
    let (serving, judging) = (threads("rollgate-serve")?, threads("rollgate-judge")?);
    let exit = serving.block_on(serve(args, &logs, judging.handle()));
    // A guest that is being compiled, or a file system that hangs, must not hold up the end.
    serving.shutdown_background();
    judging.shutdown_background();
    exit
}

fn threads(name: &str) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
}

async fn serve(args: Args, logs: &logs::Guard, judging: &Handle) -> anyhow::Result<Exit> {
    let (stop, stop_at_once) = process::signals()?;
    let stop = stop.shared();
    let telemetry = Telemetry::default();
    telemetry.log(logs);
    let plan = args.register.plan(&args.tls)?;
    let tls = args.tls.start(&telemetry)?;
    let callers = args.callers.start(plan.as_ref(), &args.tls)?;
    let server = Server::bind(args.options()).await?;
    let member = args.cluster.join().await?;
    let mut loader = args.loader(&telemetry, member.as_ref())?;
    let feed = member
        .as_ref()
        .filter(|_| args.policies.is_empty())
        .map(|member| member.feed(&loader.readiness, &telemetry));
    let live = Arc::clone(&loader.live);
    let context = Context {
        tls,
        callers,
        pool: EvaluationPool::new(judging.clone()),
        readiness: loader.readiness.clone(),
        telemetry: telemetry.clone(),
        info: info(&live),
    };
    let duties = member.map(|member| {
        let (ties, events, keepers) = ties::tie(&member, &telemetry);
        loader.ties = GateOptions {
            argo_controllers: Arc::clone(&loader.ties.argo_controllers),
            mutable_tags: loader.ties.mutable_tags.clone(),
            ..ties
        };
        let guard = plan.as_ref();
        let guard = guard.map(|plan| plan.guard(&member, events.clone(), &context));
        let writers = Writers {
            reporter: feed.as_ref().map(|feed| member.reporter(feed, events)),
            registrar: plan.map(|plan| plan.begin(&member, &live, &context)),
            guard,
        };
        member.begin(keepers, writers, &live, stop.clone())
    });
    tracing::info!(
        webhook = %server.address()?,
        admin = %server.admin_address()?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    tokio::select! {
        ended = server.run(live, context, stop) => {
            if let Some(duties) = duties {
                duties.ended().await;
            }
            Ok(exit(ended))
        }
        broken = tokio::spawn(loader.run(args.origin(feed))) => match broken {
            Ok(never) => match never {},
            Err(error) => Err(error).context("changes of the policies cannot be followed any more"),
        },
        () = stop_at_once => anyhow::bail!("ended at once by a second signal"),
    }
}

fn info(live: &Arc<Live>) -> Info {
    let live = Arc::clone(live);
    Arc::new(move || live.info())
}

fn exit(ended: Ended) -> Exit {
    match ended {
        Ended::Clean => {
            tracing::info!("ended; every accepted request was answered");
            Exit::Passed
        }
        Ended::CutOff(connections) => {
            tracing::warn!(
                connections,
                "ended by the drain timeout with connections still open"
            );
            Exit::Found
        }
    }
}

impl Args {
    fn options(&self) -> Options {
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

    fn loader(&self, telemetry: &Telemetry, member: Option<&Member>) -> anyhow::Result<Loader> {
        Ok(Loader {
            engine: Engine::new(&EngineOptions {
                slots: self.slots,
                cache: self.cache.clone().or_else(policies::cache),
            })?,
            facts: match member {
                Some(member) => Facts::of(
                    member.brief.clone(),
                    member.watching.clone(),
                    &member.installation.namespace,
                ),
                None => Facts::disconnected(),
            },
            ties: GateOptions {
                argo_controllers: self.register.argo_controllers(),
                mutable_tags: self.tags.set(),
                ..GateOptions::default()
            },
            live: Arc::default(),
            readiness: Readiness::waiting_for("the policies are being read and compiled"),
            telemetry: telemetry.clone(),
        })
    }
}

impl Args {
    /// Where policies come from; what changes from now on is noticed.
    fn origin(&self, feed: Option<Feed>) -> Box<dyn Origin> {
        match (feed, self.policies.as_slice()) {
            (Some(feed), _) => Box::new(feed),
            (None, []) => Box::new(Bundled),
            (None, paths) => Box::new(Files::new(paths.to_vec())),
        }
    }
}

impl TlsArgs {
    /// What to serve with; files are followed from now on.
    fn start(&self, telemetry: &Telemetry) -> anyhow::Result<Tls> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return match &self.self_signed {
                Some(names) => self_signed(names, telemetry),
                // What is registered comes with certificates of its own.
                None => Ok(Tls::default()),
            };
        };
        let files = tls::Files {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: self.client_ca.clone(),
        };
        let watch = Watch::new(files.paths(), LOOK_EVERY);
        let tls = Tls::load(&files)?;
        tokio::spawn(tls::keep_fresh(
            tls.clone(),
            files,
            watch,
            telemetry.clone(),
        ));
        Ok(tls)
    }
}

fn self_signed(names: &[String], telemetry: &Telemetry) -> anyhow::Result<Tls> {
    let signed = tls::self_signed(names.to_owned())?;
    if let Some(not_after) = signed.tls.not_after() {
        telemetry.certificate_expiry(not_after);
    }
    tracing::warn!(
        ?names,
        "serving with a self-signed certificate, for trying out only; its CA is on stdout"
    );
    std::io::stdout().lock().write_all(signed.ca.as_bytes())?;
    Ok(signed.tls)
}
