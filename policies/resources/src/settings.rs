//! The settings of the policy.

use std::collections::BTreeMap;

use rollgate_sdk::rules::{Exceptions, Levels};
use rollgate_sdk::{Existing, Problems, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Rule;

/// Settings of the `resources` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// The resources that each container must request; `cpu` and `memory` by default.
    pub requests: Vec<String>,
    /// How many times the request a limit may be, by resource, such as `memory: 4`. Other resources
    /// are not compared.
    pub max_limit_to_request: BTreeMap<String, f64>,
    /// By which factor one rollout may raise or lower a request or a limit, by resource. Other
    /// resources are not compared.
    pub max_change: BTreeMap<String, f64>,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

impl Default for Settings {
    fn default() -> Self {
        let factors = |pairs: &[(&str, f64)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, factor)| ((*name).to_owned(), *factor))
                .collect()
        };
        Self {
            rules: Levels::default(),
            exceptions: Exceptions::default(),
            requests: vec!["cpu".to_owned(), "memory".to_owned()],
            max_limit_to_request: factors(&[("memory", 4.0)]),
            max_change: factors(&[("cpu", 4.0), ("memory", 4.0)]),
            existing: Existing::default(),
        }
    }
}

/// A factor for each resource, in thousandths, so that no quantity is compared in floating point.
pub(crate) type Factors = Vec<(String, u32)>;

/// The settings, ready for use.
pub(crate) struct Config {
    pub(crate) rules: Levels<Rule>,
    pub(crate) exceptions: Exceptions<Rule>,
    pub(crate) requests: Vec<String>,
    pub(crate) max_limit_to_request: Factors,
    pub(crate) max_change: Factors,
    pub(crate) existing: Existing,
}

impl Settings {
    /// Checks the settings and converts the factors.
    pub(crate) fn parse(self) -> Result<Config, SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            let mut requests = problems.at("requests");
            for (index, resource) in self.requests.iter().enumerate() {
                if resource.trim().is_empty() {
                    requests
                        .at(index)
                        .refuse::<()>("is empty; write a resource, such as `memory`");
                }
            }
            let ratios = factors(
                &self.max_limit_to_request,
                &mut problems.at("maxLimitToRequest"),
            );
            let changes = factors(&self.max_change, &mut problems.at("maxChange"));
            Some(Config {
                rules: self.rules,
                exceptions: self.exceptions,
                requests: self.requests,
                max_limit_to_request: ratios,
                max_change: changes,
                existing: self.existing,
            })
        })
    }
}

const MOST: f64 = 1_000_000.0;

fn factors(written: &BTreeMap<String, f64>, problems: &mut Problems<'_>) -> Factors {
    let mut factors = Vec::new();
    for (resource, factor) in written {
        if (1.0..=MOST).contains(factor) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a million times a thousand fits into 32 bits"
            )]
            factors.push((resource.clone(), (factor * 1000.0).round() as u32));
        } else {
            problems
                .at(resource)
                .refuse::<()>("must be a factor from 1 to 1000000, such as 4 or 1.5");
        }
    }
    factors
}
