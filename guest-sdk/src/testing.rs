//! Runs a policy natively, in `cargo test`, without Wasm, cluster or clock.
//!
//! Tests see what the webhook sees: manifests are parsed, defaulted and classified by the host's own
//! code. A *scenario* is one rollout, with the facts that the policy may query.
//!
//! # From files
//! One line in `tests/scenarios.rs` runs each YAML file of a folder and compares the verdict with
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
//! [`Case`] builds a scenario in Rust:
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
//! let morning = shop.clone().now("2026-07-01T09:59:59Z").evaluate::<Afternoons>().unwrap();
//! assert_eq!(morning.outcome, Outcome::Hold(None));
//! let noon = shop.now("2026-07-01T10:00:00Z").evaluate::<Afternoons>().unwrap();
//! assert_eq!(noon.outcome, Outcome::Allow);
//! ```
//!
//! # Violations of the contract
//! A verdict that violates the contract fails the test, whatever the test expects: a hold or denial
//! without a finding, a path that is not a JSON pointer, an empty message, an invalid rule name. As in
//! the host, the stricter of a verdict's outcome and its findings decides.
//!
//! # Missing facts
//! A host call that the scenario does not answer fails the test, which prints the lines to add.

mod case;
mod documented;
pub(crate) mod host;
mod run;

pub use case::{Case, assert_refused, configure};
pub use documented::{readme_lists_rules, scenarios_cover_rules};
pub use rollgate_model::scenario::Scenario;
pub use run::{run_file, run_folder};

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

/// Tests that the README and the scenarios of a crate agree with its rules, which
/// [`rules!`](crate::rules!) defines: see [`readme_lists_rules`] and [`scenarios_cover_rules`].
#[doc(hidden)]
#[macro_export]
macro_rules! __documented {
    ($rule:ty $(,)?) => {
        #[test]
        fn readme_lists_every_rule_with_its_default() {
            $crate::testing::readme_lists_rules::<$rule>(::core::env!("CARGO_MANIFEST_DIR"));
        }

        #[test]
        fn every_rule_has_a_scenario_that_triggers_it_and_one_that_does_not() {
            $crate::testing::scenarios_cover_rules::<$rule>(::core::env!("CARGO_MANIFEST_DIR"));
        }
    };
}
#[doc(inline)]
pub use crate::__documented as documented;
