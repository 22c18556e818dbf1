//! `check --cluster`: would the workloads of a namespace be allowed to roll now? Nothing is written.
//!
//! Without `--policies` it makes a dry-run patch of each Pod template, which the API server sends to
//! the rollgate that is registered there. With `--policies` it evaluates them itself, and reads the
//! cluster with the rights of the user.

mod dry_run;
mod workloads;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;

use super::evaluate::{self, Checked, Evaluation};
use super::manifests::{Empty, Manifest};
use super::pairs;
use super::report::Report;
use super::{gate, policies};
use crate::cluster::{self, Clients, Connection};
use crate::config::Problem;
use crate::sources::{Clock as _, Sources, SystemClock};
use dry_run::Registered;
use workloads::Workloads;

/// Where the workloads are.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Instead of manifests: would the workloads that run in the cluster be allowed to roll now?
    /// Asks the rollgate of the cluster by a dry run, or evaluates --policies
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

impl Args {
    /// Checks the workloads in a cluster.
    ///
    /// # Errors
    /// The cluster cannot be reached, or the workloads cannot be listed.
    pub(super) async fn check(
        &self,
        namespace: Option<&str>,
        policies: &[PathBuf],
        empty: Empty,
    ) -> anyhow::Result<Report> {
        let connection = Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        };
        let client = connection.client().await?;
        let namespace = match namespace {
            _ if self.all_namespaces => None,
            Some(namespace) => Some(namespace.to_owned()),
            None => Some(client.default_namespace().to_owned()),
        };
        let mut workloads = workloads::list(&client, namespace.as_deref()).await?;
        if empty == Empty::Refused {
            let nothing = workloads.nothing(namespace.as_deref());
            workloads.problems.extend(nothing);
        }
        if policies.is_empty() {
            by_dry_run(&client, workloads).await
        } else {
            by_policies(client, workloads, policies).await
        }
    }
}

/// Asks the rollgate in the cluster.
async fn by_dry_run(client: &Client, workloads: Workloads) -> anyhow::Result<Report> {
    let Workloads {
        found,
        mut problems,
    } = workloads;
    let mut warnings = Vec::new();
    let cluster = Arc::from("the cluster");
    match dry_run::is_registered(client).await {
        Registered::Yes => {}
        Registered::No => problems.push(Problem::of_file(
            &cluster,
            "no webhook of rollgate is registered here, so nothing was evaluated",
        )),
        Registered::Unknown => warnings.push(Problem::of_file(
            &cluster,
            "rollgate may not be registered here, and then everything is allowed: you may not list validatingwebhookconfigurations",
        )),
    }
    let results = dry_run::all(client, &found).await;
    let checked = found.into_iter().zip(results).map(|(live, result)| {
        let (namespace, name) = (live.namespace.clone(), live.name.clone());
        let Manifest { kind, origin, .. } = live.manifest()?;
        anyhow::Ok(Checked {
            kind,
            namespace,
            name,
            origin,
            evaluation: Evaluation::DryRun(result),
        })
    });
    Ok(Report {
        now: SystemClock.now(),
        checked: checked.collect::<anyhow::Result<_>>()?,
        others: 0,
        problems,
        warnings,
        unmatched: Vec::new(),
        not_seen: Vec::new(),
    })
}

/// Evaluates each workload as if its template changed without a change of its containers.
async fn by_policies(
    client: Client,
    workloads: Workloads,
    paths: &[PathBuf],
) -> anyhow::Result<Report> {
    let namespace = client.default_namespace().to_owned();
    let clients = Clients {
        requests: client.clone(),
        watches: client,
    };
    let facts = cluster::facts(&clients, &namespace);
    let policies::Loaded {
        set,
        metrics,
        mut problems,
    } = policies::load(paths, &facts).await?;
    problems.extend(workloads.problems);
    let mut subjects = Vec::with_capacity(workloads.found.len());
    for live in workloads.found {
        let title = live.title();
        match live.with_referred_template(facts.cluster.as_ref()).await {
            Ok(live) => subjects.push(pairs::rolling(live.manifest()?).context(title)?),
            Err(problem) => problems.push(problem),
        }
    }
    let sources = Sources {
        clock: Arc::new(SystemClock),
        metrics: Arc::new(metrics),
        cluster: facts.cluster,
        history: facts.history,
    };
    let now = sources.clock.now();
    let checked = evaluate::evaluate(&gate(&set, sources), subjects).await;
    let unmatched = evaluate::unmatched(&set, &checked);
    Ok(Report {
        now,
        checked,
        others: 0,
        problems,
        warnings: Vec::new(),
        unmatched,
        not_seen: Vec::new(),
    })
}
