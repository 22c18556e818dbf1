//! The settings of the policy.

use rollgate_sdk::rules::{Exceptions, Levels};
use rollgate_sdk::{Existing, Problems, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Rule;

/// Settings of the `observability` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// Names of ports that metrics are scraped from. A port whose name ends with `-` and one of
    /// these is one, too, such as `http-metrics`.
    pub metrics_ports: Vec<String>,
    /// The variable that sets the log level of a container.
    pub log_level_variable: String,
    /// Paths that tell metrics or information and are no check of health.
    pub info_paths: Vec<String>,
    /// Labels that are required. None by default.
    pub labels: Labels,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// Labels that are required, such as `app.kubernetes.io/name`, `team` or `on-call`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Labels {
    /// Of the workload.
    pub workload: Vec<String>,
    /// Of its Pods, which metrics and logs are labelled by.
    pub pods: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            rules: Levels::default(),
            exceptions: Exceptions::default(),
            metrics_ports: list(&["metrics", "prometheus", "prom"]),
            log_level_variable: "LOG_LEVEL".to_owned(),
            info_paths: list(&[
                "/metrics",
                "/info",
                "/version",
                "/actuator/info",
                "/actuator/metrics",
                "/actuator/prometheus",
            ]),
            labels: Labels::default(),
            existing: Existing::default(),
        }
    }
}

impl Settings {
    /// Reports what the types cannot express.
    ///
    /// # Errors
    /// Labels, paths and names that nothing can have.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            if self.log_level_variable.is_empty() {
                problems
                    .at("logLevelVariable")
                    .refuse::<()>("is empty; write the name of a variable, such as LOG_LEVEL");
            }
            each(&self.info_paths, &mut problems.at("infoPaths"), |path| {
                let found = !path.starts_with('/');
                found.then_some("is no path; write it with a `/` at its start, such as /metrics")
            });
            let mut labels = problems.at("labels");
            each(
                &self.labels.workload,
                &mut labels.at("workload"),
                wrong_label,
            );
            each(&self.labels.pods, &mut labels.at("pods"), wrong_label);
            Some(())
        })
    }
}

impl Settings {
    /// Whether a port with this name is for metrics: it has one of the names, or ends with it, as
    /// `http-metrics` does.
    pub(crate) fn is_metrics_port(&self, port: &str) -> bool {
        self.metrics_ports.iter().any(|name| {
            let before = port.strip_suffix(name.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('-'))
        })
    }
}

fn wrong_label(label: &str) -> Option<&'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    let is_label = !label.is_empty() && label.bytes().all(fits) && label.matches('/').count() <= 1;
    (!is_label).then_some("is no key of a label; write it in full, such as app.kubernetes.io/name")
}

fn each(
    texts: &[String],
    problems: &mut Problems<'_>,
    wrong: impl Fn(&str) -> Option<&'static str>,
) {
    for (index, text) in texts.iter().enumerate() {
        if let Some(message) = wrong(text) {
            problems.at(index).refuse::<()>(message);
        }
    }
}
