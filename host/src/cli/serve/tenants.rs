//! `serve --tenant-max-…`: what the `RolloutPolicy`s of namespaces may use.

use std::num::NonZeroU32;
use std::time::Duration;

use super::values::{bytes, positive_duration};
use crate::config::Ceilings;

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The longest timeout that a RolloutPolicy of the cluster may set
    #[arg(long, value_name = "TIME", requires = "cluster", value_parser = positive_duration)]
    tenant_max_timeout: Option<Duration>,
    /// The most CPU time that a RolloutPolicy of the cluster may set
    #[arg(long, value_name = "TIME", requires = "cluster", value_parser = positive_duration)]
    tenant_max_cpu: Option<Duration>,
    /// The most memory that a RolloutPolicy of the cluster may set
    #[arg(long, value_name = "SIZE", requires = "cluster", value_parser = bytes)]
    tenant_max_memory: Option<usize>,
    /// How many RolloutPolicies of a namespace are loaded, the oldest first
    #[arg(long, value_name = "NUMBER", requires = "cluster")]
    tenant_max_policies: Option<NonZeroU32>,
}

impl Args {
    pub(super) fn ceilings(&self) -> Ceilings {
        Ceilings {
            timeout: self.tenant_max_timeout,
            cpu: self.tenant_max_cpu,
            memory: self.tenant_max_memory,
            policies: self.tenant_max_policies.map(|most| most.get() as usize),
        }
    }
}
