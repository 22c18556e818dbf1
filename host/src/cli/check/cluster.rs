//! `check --cluster`: would the workloads of a namespace be allowed to roll right now? Nothing is
//! ever written.
//!
//! Without policies of its own it asks the real thing: a dry-run patch of each Pod template, which
//! the API server puts to the rollgate that is registered there. With policies it judges by itself,
//! with what the user may read as the cluster.

mod ask;
mod live;
mod tell;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;

use super::manifests::Empty;
use super::pairs::{self, Subject};
use super::report::Report;
use super::{Exit, Format, gate, judge, output, policies, write};
use crate::cluster::Connection;
use crate::sources::{Facts, Sources, SystemClock};
use live::Workloads;

/// Where the workloads are.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Instead of manifests: would the workloads that run in the cluster be allowed to roll now?
    /// Asks the rollgate of the cluster by a dry run, or judges with --policies
    #[arg(long, conflicts_with_all = ["paths", "old", "scenario", "record", "now"])]
    pub(super) cluster: bool,

    /// All namespaces; without it, the one of --namespace or of the kubeconfig's context
    #[arg(short = 'A', long, requires = "cluster", conflicts_with = "namespace")]
    all_namespaces: bool,

    /// The kubeconfig, by default KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", requires = "cluster")]
    kubeconfig: Option<PathBuf>,

    /// The kubeconfig's context
    #[arg(long, value_name = "NAME", requires = "cluster")]
    context: Option<String>,
}

/// Which workloads, and how to tell of them.
pub(super) struct Request<'a> {
    pub(super) cluster: &'a Args,
    pub(super) namespace: Option<&'a str>,
    pub(super) policies: &'a [PathBuf],
    pub(super) format: Format,
    pub(super) empty: Empty,
}

/// Runs the command.
///
/// # Errors
///
/// When the cluster cannot be reached, or the workloads cannot be listed.
pub(super) async fn run(request: Request<'_>) -> anyhow::Result<Exit> {
    let args = request.cluster;
    let connection = Connection {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
    };
    let client = connection.client().await?;
    let namespace = match request.namespace {
        _ if args.all_namespaces => None,
        Some(namespace) => Some(namespace.to_owned()),
        None => Some(client.default_namespace().to_owned()),
    };
    let mut workloads = live::list(&client, namespace.as_deref()).await?;
    if request.empty == Empty::Refused {
        workloads
            .unlisted
            .extend(workloads.nothing(namespace.as_deref()));
    }
    if request.policies.is_empty() {
        let registered = ask::is_registered(&client).await;
        let answers = ask::all(&client, workloads.found).await;
        let told = tell::Document::of(answers, registered, &workloads.unlisted);
        return output::settle(told.exit(), tell::write(&told, request.format));
    }
    let report = by_policies(client, workloads, request.policies).await?;
    output::settle(report.exit(), write(&report, request.format))
}

/// Judges each workload as if it rolled to another template with the same containers.
async fn by_policies(
    client: Client,
    workloads: Workloads,
    paths: &[PathBuf],
) -> anyhow::Result<Report> {
    let namespace = client.default_namespace().to_owned();
    let facts = Facts::of(client.clone(), client, &namespace);
    let policies::Loaded {
        set,
        metrics,
        mut problems,
    } = policies::load(paths, &facts).await?;
    problems.extend(workloads.unlisted);
    let mut found = Vec::with_capacity(workloads.found.len());
    for live in workloads.found {
        match live.completed(facts.cluster.as_ref()).await {
            Ok(live) => found.push(live),
            Err(problem) => problems.push(problem),
        }
    }
    let subjects = subjects(found)?;
    let sources = Sources {
        clock: Arc::new(SystemClock),
        metrics: Arc::new(metrics),
        cluster: facts.cluster,
        history: facts.history,
    };
    let now = sources.clock.now();
    let checked = judge::judge(&gate(&set, sources), subjects).await;
    let unmatched = judge::unmatched(&set, &checked);
    Ok(Report {
        now,
        checked,
        others: 0,
        problems,
        warnings: Vec::new(),
        unmatched,
    })
}

fn subjects(workloads: Vec<live::Live>) -> anyhow::Result<Vec<Subject>> {
    let subject = |live: live::Live| {
        let title = live.title();
        pairs::rolling(live.manifest()?).with_context(|| title)
    };
    workloads.into_iter().map(subject).collect()
}
