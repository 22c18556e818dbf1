//! `rollgate crds`: the kinds that rollgate adds to a cluster.

use std::fmt::Write as _;

use super::{Exit, output};
use crate::cluster::crd;

/// Print the custom resource definitions of this version, for `kubectl apply --server-side -f -`
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the command.
///
/// # Errors
/// If the output cannot be written.
pub(super) fn run(_: &Args) -> anyhow::Result<Exit> {
    let mut text = String::new();
    for definition in crd::definitions() {
        write!(text, "---\n{}", serde_saphyr::to_string(&definition)?)?;
    }
    output::settle(Exit::Success, output::text(&text))
}
