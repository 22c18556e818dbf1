//! `rollgate uninstall`: takes rollgate out of a cluster.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::terminal::one_line;
use super::{Exit, names, output};
use crate::cluster::{Connection, Definitions, Installation, Uninstallation};

/// Take rollgate out of a cluster into which `rollgate manifests` put it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to reach the API server; by default KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; by default its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Where it is installed
    #[arg(long, short, value_name = "NAME", default_value = "rollgate-system", value_parser = names::namespace)]
    namespace: String,
    /// The name of the installation
    #[arg(long, value_name = "NAME", default_value = "rollgate", value_parser = names::installation)]
    installation: String,
    /// Remove the custom resource definitions as well, and with them all policies, metric sources
    /// and overrides
    #[arg(long)]
    crds: bool,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the API server cannot be reached, or refuses something; or nobody can be asked.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(uninstall(args))
}

async fn uninstall(args: &Args) -> anyhow::Result<Exit> {
    let connection = Connection {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
    };
    let installation = Installation {
        name: args.installation.clone(),
        namespace: args.namespace.clone(),
    };
    let definitions = if args.crds {
        Definitions::Remove
    } else {
        Definitions::Keep
    };
    let client = connection.client_with_timeout().await?;
    let found = Uninstallation::find(client, installation, definitions).await?;
    if found.found().next().is_none() {
        output::say(format_args!(
            "nothing of rollgate is in the namespace {}",
            one_line(&args.namespace)
        ));
        say(&args.what_stays(&found));
        return Ok(Exit::Passed);
    }
    if args.dry_run {
        list("would be removed", &found);
        say(&args.what_stays(&found));
        return Ok(Exit::Passed);
    }
    if !args.yes && !args.is_confirmed(&found)? {
        output::say("nothing was removed");
        return Ok(Exit::Found);
    }
    args.remove(found).await
}

impl Args {
    fn is_confirmed(&self, found: &Uninstallation) -> anyhow::Result<bool> {
        anyhow::ensure!(
            io::stdin().is_terminal(),
            "nobody is there to ask: use --yes to remove it, or --dry-run to see what would be removed"
        );
        list("will be removed", found);
        say(&self.what_stays(found));
        let mut out = anstream::stdout();
        write!(out, "remove it? [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    async fn remove(&self, found: Uninstallation) -> anyhow::Result<Exit> {
        let stays = self.what_stays(&found);
        let done = found.remove(|part| output::say(format_args!("removed {}", one_line(part))));
        done.await?;
        say(&stays);
        Ok(Exit::Passed)
    }

    /// What is left alone, a line each.
    fn what_stays(&self, found: &Uninstallation) -> Vec<String> {
        let namespace = format!("the namespace {} stays", self.namespace);
        let some = found.objects.iter().filter(|(_, count)| *count > 0);
        let some: Vec<_> = some
            .map(|(plural, count)| format!("{count} {plural}"))
            .collect();
        let with = match some.as_slice() {
            [] => String::new(),
            some => format!(", with {}", some.join(", ")),
        };
        let objects = match (found.objects.is_empty(), self.crds) {
            (true, _) => None,
            (false, true) => Some(format!("the custom resource definitions go{with}")),
            (false, false) => Some(format!(
                "the custom resource definitions stay{with}; --crds removes them"
            )),
        };
        objects.into_iter().chain([namespace]).collect()
    }
}

fn list(what: &str, found: &Uninstallation) {
    output::say(format_args!("{what}:"));
    for part in found.found() {
        output::say(format_args!("  {}", one_line(&part)));
    }
}

fn say(lines: &[String]) {
    for line in lines {
        output::say(one_line(line));
    }
}
