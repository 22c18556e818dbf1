//! `rollgate off` and `rollgate on`: the switch for three o'clock in the morning.

use std::path::PathBuf;

use super::terminal::one_line;
use super::{Exit, names};
use crate::cluster::{Connection, Installation, OffSwitch, Switch};

/// Which installation.
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
}

/// Runs the command.
///
/// # Errors
///
/// When the API server cannot be reached, or refuses something; or there is no such installation.
pub(super) fn run(args: &Args, switch: Switch) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(args.turn(switch))
}

impl Args {
    async fn turn(&self, switch: Switch) -> anyhow::Result<Exit> {
        let connection = Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        };
        let off_switch = OffSwitch {
            client: connection.client_with_timeout().await?,
            installation: Installation {
                name: self.installation.clone(),
                namespace: self.namespace.clone(),
            },
        };
        match switch {
            Switch::Off => {
                let off = off_switch.off(|step| anstream::println!("{}", one_line(step)));
                off.await?;
                anstream::println!(
                    "rollgate is off: it judges nothing and refuses nothing, until `rollgate on`"
                );
            }
            Switch::On => {
                off_switch.on().await?;
                anstream::println!(
                    "rollgate is on: as soon as a replica is ready, the API server asks it again"
                );
            }
        }
        Ok(Exit::Passed)
    }
}
