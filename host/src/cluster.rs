//! Everything that speaks to the API server: what rollgate reads in a cluster, what it writes there,
//! and the tasks that do so. Modules below know it by traits of their own, so that `check`, `test` and
//! a `serve` without a cluster work without it.

mod certificates;
mod conditions;
mod connection;
pub mod crd;
mod events;
mod installation;
mod lease;
mod managed_secret;
mod objects;
mod overrides;
mod path_secret;
mod policies;
mod policy_status;
mod reads;
mod registration;
mod revision_guard;
mod switch;
mod tasks;
mod uninstall;

pub(crate) use certificates::CertificateTimes;
pub(crate) use connection::{Clients, Connection};
pub(crate) use installation::Installation;
pub(crate) use lease::ReplicaName;
pub(crate) use objects::{api_resource, dynamic_api};
pub(crate) use path_secret::{PathRenewal, PathTimes};
pub(crate) use reads::facts;
pub use reads::{ClusterReader, SecretReader};
pub(crate) use registration::{Authority, FailurePolicy, RegistrationOptions, WebhookSettings};
pub(crate) use switch::{OffSwitch, Switch};

pub(crate) use tasks::{ClusterTasks, Replica};
pub(crate) use uninstall::{Definitions, Uninstallation};
