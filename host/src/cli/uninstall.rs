//! `rollgate uninstall`: removes rollgate from a cluster.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::installation::InstallationArgs;
use super::terminal::one_line;
use super::{Exit, output};
use crate::cluster::{Definitions, Uninstallation};

/// Take rollgate out of a cluster into which `rollgate manifests` put it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: InstallationArgs,
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
/// If the API server cannot be reached or refuses something, or nobody can confirm.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(uninstall(args))
}

async fn uninstall(args: &Args) -> anyhow::Result<Exit> {
    let definitions = if args.crds {
        Definitions::Remove
    } else {
        Definitions::Keep
    };
    let client = args.target.connection().client_with_timeout().await?;
    let found = Uninstallation::find(client, args.target.installation(), definitions).await?;
    if found.found().next().is_none() {
        output::say(format_args!(
            "nothing of rollgate is in the namespace {}",
            one_line(&args.target.namespace)
        ));
        say(&args.what_stays(&found));
        return Ok(Exit::Success);
    }
    if args.dry_run {
        list("would be removed", &found);
        say(&args.what_stays(&found));
        return Ok(Exit::Success);
    }
    if !args.yes && !args.is_confirmed(&found)? {
        output::say("nothing was removed");
        return Ok(Exit::Failure);
    }
    args.remove(found).await
}

impl Args {
    fn is_confirmed(&self, found: &Uninstallation) -> anyhow::Result<bool> {
        anyhow::ensure!(
            io::stdin().is_terminal(),
            "stdin is no terminal to confirm on: use --yes to remove it, or --dry-run to see what would be removed"
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
        Ok(Exit::Success)
    }

    /// Returns what is not removed, a line each.
    fn what_stays(&self, found: &Uninstallation) -> Vec<String> {
        let namespace = format!("the namespace {} stays", self.target.namespace);
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
