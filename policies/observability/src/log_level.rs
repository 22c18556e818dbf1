//! The variable that sets the log level.

use rollgate_sdk::Container;
use rollgate_sdk::rules::{Problem, Report};

use crate::rules::Rule;
use crate::settings::Settings;

/// Checks that a container has the variable, whatever its source. A whole ConfigMap or Secret as
/// variables may have it, so nothing is found then.
pub(crate) fn check(container: Container<'_>, settings: &Settings, report: &mut Report<'_, Rule>) {
    if !report.applies(Rule::LogLevelMissing, &container.name) {
        return;
    }
    let name = &settings.log_level_variable;
    let is_set = container
        .env()
        .iter()
        .any(|variable| variable.name == *name);
    if !is_set && container.env_from().is_empty() {
        report.in_container(&container.name, Rule::LogLevelMissing, || {
            missing(container, name)
        });
    }
}

fn missing(container: Container<'_>, variable: &str) -> Problem {
    Problem {
        path: container.path_to("env"),
        message: [
            "Container `",
            &container.name,
            "` has no variable `",
            variable,
            "`: during an incident nobody can make it log more without a new image.",
        ]
        .concat(),
        found: ["no variable ", variable].concat(),
        expected: ["a variable ", variable].concat(),
        hint: "Set it, best from a ConfigMap; or name the variable that the platform uses in \
               `logLevelVariable`."
            .to_owned(),
    }
}
