//! `rollgate check`: evaluates the policies for manifests, without a cluster; or for the workloads
//! that run in one.

mod cluster;
mod document_kind;
mod evaluate;
mod findings;
mod human;
mod json;
mod manifests;
mod namespaces;
mod notices;
mod objects;
mod pairs;
mod record;
mod report;
mod templates;
mod unrendered;
mod unreplaced;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use rollgate_model::scenario::Scenario;

use super::inputs::Named;
use super::tags::TagArgs;
use super::{Exit, installation, output, policies};
use crate::admission::Gate;
use crate::config::{PolicySet, Problem};
use crate::sources::{Clock, Cluster, ClusterSources, FixedClock, Sources, SystemClock};
use crate::telemetry::Telemetry;
use manifests::{Empty, Manifests};
use objects::Objects;
use pairs::{Before, Subject};
use report::Report;
use templates::Templates;

/// Evaluate the policies for manifests, or for the workloads in a cluster
///
/// Exits with 0 when all may go, 1 when some may not, and 2 when something could not be read or
/// evaluated, or there was nothing to evaluate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders of manifests; `-` is standard input
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Files and folders of policies; the bundled set `recommended` where none are named
    #[arg(long, value_name = "PATH")]
    policies: Vec<PathBuf>,

    /// The manifests before the change; without them, each workload is a create
    #[arg(long, value_name = "PATH")]
    old: Vec<PathBuf>,

    /// Take the time, the metrics and the objects of the cluster from this scenario
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Record the metrics, the objects and the time as a scenario in this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Evaluate as of this time, such as 2026-11-21T09:30:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "scenario")]
    now: Option<Timestamp>,

    /// The namespace of manifests that name none
    #[arg(short, long, value_name = "NAME", value_parser = installation::namespace)]
    namespace: Option<String>,

    /// A path without any manifest, or a cluster without workloads, is no error
    #[arg(long)]
    allow_empty: bool,

    /// The output format
    #[arg(
        short = 'o',
        long,
        visible_alias = "output",
        value_name = "FORMAT",
        default_value = "human"
    )]
    format: Format,

    #[command(flatten)]
    tags: TagArgs,

    #[command(flatten)]
    cluster: cluster::Args,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON document, for programs
    Json,
}

/// Runs the command.
///
/// # Errors
///
/// When the scenario or the policies cannot be used at all, or the report cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        if args.cluster.cluster {
            let namespace = args.namespace.as_deref();
            let cluster = &args.cluster;
            return cluster.check(namespace, &args.policies, args.empty()).await;
        }
        check(args).await
    })?;
    output::settle(report.exit(), write(&report, args.format))
}

impl Args {
    fn empty(&self) -> Empty {
        if self.allow_empty {
            Empty::Allowed
        } else {
            Empty::Refused
        }
    }
}

fn write(report: &Report, format: Format) -> io::Result<()> {
    match format {
        Format::Human => human::write(report),
        Format::Json => write_json(&json::Document::of(report)),
    }
}

fn write_json(document: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)?;
    out.flush()
}

async fn check(args: &Args) -> anyhow::Result<Report> {
    let scenario = args.scenario.as_deref().map(Scenario::load).transpose();
    let scenario =
        scenario.with_context(|| format!("--scenario {}", shown(args.scenario.as_ref())))?;
    let facts = ClusterSources::disconnected();
    let scenario = scenario.map(Arc::new);
    let reading = tokio::task::spawn_blocking(read(args, scenario.clone()));
    let policies::Loaded {
        set,
        metrics,
        mut problems,
    } = policies::load(&args.policies, &facts).await?;
    let Read {
        manifests,
        objects,
        mut subjects,
        mut warnings,
    } = reading.await?;
    let objects = Arc::new(objects);

    let clock: Arc<dyn Clock> = Arc::new(FixedClock(args.now.unwrap_or_else(|| SystemClock.now())));
    let sources = match scenario {
        Some(scenario) => {
            let answers = Sources::of_scenario(scenario, clock);
            Sources {
                metrics: Arc::new(metrics).answered_by(answers.metrics),
                ..answers
            }
        }
        None => Sources {
            clock,
            metrics: Arc::new(metrics),
            cluster: manifests
                .namespaces
                .in_cluster(Arc::clone(&objects) as Arc<dyn Cluster>),
            history: facts.history,
        },
    };
    let now = sources.clock.now();
    problems.extend(manifests.problems);
    let read = subjects.len();
    subjects.retain(|subject| !subject.is_just_there(&set));
    let others = manifests.others + read - subjects.len();
    let checked = match &args.record {
        Some(file) => record::evaluate(&set, sources, subjects, file).await?,
        None => evaluate::evaluate(&gate(&set, sources), subjects).await,
    };
    let unmatched = evaluate::unmatched(&set, &checked);
    warnings.extend(namespaces::unknown(&checked));
    Ok(Report {
        now,
        checked,
        others,
        problems,
        warnings,
        unmatched,
        not_seen: objects.not_seen(),
    })
}

/// What the paths of the command line have.
struct Read {
    manifests: Manifests,
    objects: Objects,
    subjects: Vec<Subject>,
    /// What may not be meant.
    warnings: Vec<Problem>,
}

fn gate(set: &Arc<PolicySet>, sources: Sources) -> Gate {
    Gate::new(Arc::clone(set), sources, Telemetry::default())
}

/// Reads the manifests, while the policies are being loaded.
fn read(args: &Args, scenario: Option<Arc<Scenario>>) -> impl FnOnce() -> Read + Send + 'static {
    let (paths, old, namespace) = (args.paths.clone(), args.old.clone(), args.namespace.clone());
    let (empty, tags) = (args.empty(), args.tags.set());
    move || {
        let namespace = namespace.as_deref();
        let mut manifests = Manifests::read(Named::all(&paths), empty);
        let mut in_force = Manifests::read(Named::all(&old), empty);
        manifests
            .problems
            .extend(std::mem::take(&mut in_force.problems));
        let templates = Templates::of(&in_force, &manifests, namespace, scenario);
        let (before, twice) = Before::new(in_force.workloads, namespace);
        manifests.problems.extend(twice);
        let warning = (!old.is_empty())
            .then(|| unreplaced::warning(&manifests.workloads, &before, namespace));
        let subjects = pairs::subjects(&mut manifests, &before, namespace, &tags, &templates);
        unrendered::advise(&mut manifests.problems);
        let objects = Objects::new(
            in_force.objects,
            std::mem::take(&mut manifests.objects),
            namespace,
        );
        Read {
            manifests,
            objects,
            subjects,
            warnings: warning.flatten().into_iter().collect(),
        }
    }
}

fn shown(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string())
        .unwrap_or_default()
}
