//! rollgate as a member of a cluster: what it reads there, what it writes there, and what it keeps.
//!
//! Everything in here speaks to the API server. The rest of the host knows this module by traits
//! of its own only, so that `check`, `test` and a `serve` without a cluster never need one.

mod certificates;
mod connection;
pub mod crd;
mod events;
mod feed;
mod identity;
mod installation;
mod kept_secret;
mod lease;
mod overrides;
mod ownership;
mod path_secret;
mod registration;
mod revision_guard;
mod status;
mod switch;
mod switching;
mod uninstall;
mod watching;

pub use certificates::{Follower, Times};
pub use connection::{ConnectError, Connection};
pub use events::{EventWriter, Events, Notice, Severity};
pub use feed::{Consequence, Fault, Feed, Followed, Key, Object, Objects};
pub use identity::{Identity, IdentityError};
pub use installation::Installation;
pub use lease::{Candidate, Leadership};
pub use overrides::{KubeOverrides, OverrideDuties, OverrideStatus, OverrideWatch, Recorder};
pub use path_secret::{PathFollower, PathRenewal, PathTimes};
pub use registration::{Authority, FailurePolicy, Registrar, Settings};
pub use revision_guard::RevisionGuard;
pub use status::Reporter;
pub use switch::Switch;
pub use switching::{SwitchError, Switching};
pub use uninstall::{Definitions, UninstallError, Uninstallation};
