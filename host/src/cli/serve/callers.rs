//! How `serve` tells the API server from other callers.

use std::path::PathBuf;

use super::TlsArgs;
use super::register::Plan;
use crate::server::live::LOOK_EVERY;
use crate::server::watch::Watch;
use crate::server::{Callers, PathFile, PathSecrets};

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Answer at /admit/SECRET alone, for each secret in this file, one a line; followed. With
    /// --register, rollgate keeps a secret of its own
    #[arg(long, value_name = "FILE", conflicts_with = "register")]
    path_secret: Option<PathBuf>,
}

impl Args {
    /// How callers are told apart; a file is followed from now on.
    ///
    /// # Errors
    /// Where the file cannot be used.
    pub(super) fn start(&self, plan: Option<&Plan>, tls: &TlsArgs) -> anyhow::Result<Callers> {
        if let Some(plan) = plan {
            return Ok(plan.callers());
        }
        if let Some(path) = &self.path_secret {
            let secrets = PathSecrets::default();
            let watch = Watch::new(vec![path.clone()], LOOK_EVERY);
            let file = PathFile(path.clone());
            secrets.replace(file.read()?);
            tokio::spawn(file.follow(secrets.clone(), watch));
            return Ok(Callers::ByPath(secrets));
        }
        if tls.client_ca.is_none() {
            tracing::warn!(
                "whoever reaches the port gets an answer, and could make up reviews, so nothing is \
                 written for any: no override applies, and there are no Events about rollouts; set \
                 --client-ca (the API server shows a certificate) or --path-secret (it calls a secret \
                 path), or let --register keep a secret path"
            );
        }
        Ok(Callers::ByCertificate)
    }
}
