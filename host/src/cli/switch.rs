//! `rollgate off` and `rollgate on`: disables rollgate in an emergency.

use super::Exit;
use super::installation::InstallationArgs;
use super::terminal::one_line;
use crate::cluster::{OffSwitch, Switch};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: InstallationArgs,
}

/// Runs the command.
///
/// # Errors
/// If the API server cannot be reached or refuses something, or there is no such installation.
pub(super) fn run(args: &Args, switch: Switch) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(args.turn(switch))
}

impl Args {
    async fn turn(&self, switch: Switch) -> anyhow::Result<Exit> {
        let off_switch = OffSwitch {
            client: self.target.connection().client_with_timeout().await?,
            installation: self.target.installation(),
        };
        match switch {
            Switch::Off => {
                let off = off_switch.off(|step| anstream::println!("{}", one_line(step)));
                off.await?;
                anstream::println!(
                    "rollgate is off: it evaluates nothing and refuses nothing, until `rollgate on`"
                );
            }
            Switch::On => {
                off_switch.on().await?;
                anstream::println!(
                    "rollgate is on: as soon as a replica is ready, the API server calls it again"
                );
            }
        }
        Ok(Exit::Success)
    }
}
