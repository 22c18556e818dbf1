//! Running a policy natively, in `cargo test`: no Wasm, no cluster, no clock.
//!
//! The tests see what the webhook sees: manifests are read, defaulted and classified by the same
//! code as in the host. A *scenario* is one rollout with the world it is judged in.
//!
//! # From files
//! One line in `tests/scenarios.rs` runs each YAML file of a folder and holds the verdict against
//! what the file expects:
//!
//! ```
//! # mod my_policy {
//! #     use rollgate_sdk::{Findings, NoSettings, SettingsError, Workload, WorkloadCheck};
//! #     pub struct MyPolicy;
//! #     impl WorkloadCheck for MyPolicy {
//! #         type Settings = NoSettings;
//! #         fn new(_: NoSettings) -> Result<Self, SettingsError> { Ok(Self) }
//! #         fn check(&self, _: &Workload, _: &mut Findings) {}
//! #     }
//! # }
//! rollgate_sdk::testing::scenarios!(my_policy::MyPolicy, "scenarios");
//! ```
//!
//! ```yaml
//! apiVersion: rollgate.dev/v1alpha1
//! kind: Scenario
//! metadata: {name: an image without a tag is denied}
//! settings: {registries: [registry.example.com/]}
//! new:
//!   apiVersion: apps/v1
//!   kind: Deployment
//!   metadata: {name: shop}
//!   spec:
//!     selector: {matchLabels: {app: shop}}
//!     template:
//!       metadata: {labels: {app: shop}}
//!       spec: {containers: [{name: web, image: registry.example.com/shop}]}
//! expect:
//!   outcome: deny
//!   findings: [{rule: image-not-pinned}]
//! ```
//!
//! `rollgate test` runs the same files against the Wasm module.
//!
//! # From code
//! [`Case`] builds a scenario, for what is better said in Rust:
//!
//! ```
//! use rollgate_sdk::serde_json::json;
//! use rollgate_sdk::testing::Case;
//! use rollgate_sdk::{Failure, Finding, NoSettings, Outcome, Policy, Rollout, SettingsError, Verdict, clock};
//!
//! /// Nothing starts before noon.
//! struct Afternoons;
//!
//! impl Policy for Afternoons {
//!     type Settings = NoSettings;
//!
//!     fn new(_: NoSettings) -> Result<Self, SettingsError> {
//!         Ok(Self)
//!     }
//!
//!     fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
//!         let hour = clock::to_civil(clock::now(), "Europe/Berlin")?.civil.hour();
//!         let reason = || Finding::hold("morning", "", "Nobody is here before noon").found(hour);
//!         Ok(if hour < 12 { Verdict::hold(reason()) } else { Verdict::allow() })
//!     }
//! }
//!
//! let shop = Case::create(json!({
//!     "apiVersion": "apps/v1",
//!     "kind": "Deployment",
//!     "metadata": {"name": "shop"},
//!     "spec": {
//!         "selector": {"matchLabels": {"app": "shop"}},
//!         "template": {
//!             "metadata": {"labels": {"app": "shop"}},
//!             "spec": {"containers": [{"name": "web", "image": "shop:1"}]}
//!         }
//!     }
//! }));
//! let morning = shop.clone().now("2026-07-01T09:59:59Z").judge::<Afternoons>().unwrap();
//! assert_eq!(morning.outcome, Outcome::Hold(None));
//! let noon = shop.now("2026-07-01T10:00:00Z").judge::<Afternoons>().unwrap();
//! assert_eq!(noon.outcome, Outcome::Allow);
//! ```
//!
//! # What fails a test, whatever it expects
//! A verdict that breaks the contract: a hold or denial without a reason, a path that is no JSON
//! pointer, an empty message, a rule that is no name. As in the host, the strictest of a verdict's
//! outcome and findings decides.
//!
//! # What is not answered
//! A call that the scenario does not answer fails the test and prints the lines to add.

mod answer;
mod case;
mod folder;
pub(crate) mod host;

pub use case::{Case, configure};
pub use folder::{run_file, run_folder};
pub use rollgate_model::scenario::Scenario;

/// Runs each scenario of a folder (from the crate's root) as a test called `scenarios`.
#[doc(hidden)]
#[macro_export]
macro_rules! __scenarios {
    ($policy:ty, $folder:literal $(,)?) => {
        #[test]
        fn scenarios() {
            $crate::testing::run_folder::<$policy>(::core::concat!(
                ::core::env!("CARGO_MANIFEST_DIR"),
                "/",
                $folder
            ));
        }
    };
}
#[doc(inline)]
pub use crate::__scenarios as scenarios;
