//! Secrets and configuration that are written out in the manifest.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, EnvVar};

use crate::rules::Rule;
use crate::secret::{self, Looks};
use crate::settings::Settings;

/// Checks the variables of a container, init containers included.
pub(crate) fn check(container: Container<'_>, settings: &Settings, report: &mut Report<'_, Rule>) {
    let rules = [Rule::SecretInEnv, Rule::ConfigInManifest];
    if !rules
        .iter()
        .any(|rule| report.applies(*rule, &container.name))
    {
        return;
    }
    let mut literals = Vec::new();
    for (index, variable) in container.env().into_iter().enumerate() {
        let Some(value) = variable.value.as_deref().filter(|value| is_literal(value)) else {
            continue;
        };
        let looks = match has(&settings.not_secret, &variable.name) {
            true => None,
            false => secret::looks(&variable.name, value),
        };
        if let Some(looks) = looks {
            report.in_container(&container.name, Rule::SecretInEnv, || {
                in_env(container, index, &variable, looks)
            });
        } else if !has(&settings.literal_variables, &variable.name) {
            literals.push(variable.name);
        }
    }
    if !literals.is_empty() {
        report.in_container(&container.name, Rule::ConfigInManifest, || {
            in_manifest(container, &literals)
        });
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

/// Whether a value is written out: not empty, and not only references to other variables, such as
/// `$(HOST):$(PORT)`.
fn is_literal(value: &str) -> bool {
    secret::without_references(value).contains(|c: char| c.is_alphanumeric())
}

fn in_env(container: Container<'_>, index: usize, variable: &EnvVar, looks: Looks) -> Problem {
    let name = &variable.name;
    Problem {
        path: container.path_to(&format!("env/{index}/value")),
        message: [
            "Variable `",
            name,
            "` of `",
            &container.name,
            "` ",
            looks.as_str(),
            ", written out in the manifest: everyone who may read the workload or its repository \
             has it, and changing it takes a rollout.",
        ]
        .concat(),
        // Never the value: findings are shown to users and kept in audit logs.
        found: ["a literal value of ", name].concat(),
        expected: "a reference to a Secret".to_owned(),
        hint: "Put it into a Secret and refer to it by valueFrom.secretKeyRef; then change it, as \
               it has been read already. If it is no secret, add the variable to `notSecret`."
            .to_owned(),
    }
}

/// Joins at most this many names.
fn listed(names: &[String], most: usize) -> String {
    let more = if names.len() > most { ", …" } else { "" };
    [&names[..names.len().min(most)].join(", "), more].concat()
}

fn in_manifest(container: Container<'_>, literals: &[String]) -> Problem {
    Problem {
        path: container.path_to("env"),
        message: [
            "Container `",
            &container.name,
            "` has configuration written out in the manifest (",
            &listed(literals, 5),
            "): each environment needs a manifest of its own.",
        ]
        .concat(),
        found: listed(literals, 50),
        expected: "variables from a ConfigMap or a Secret".to_owned(),
        hint: "Move them to a ConfigMap whose name has a hash of its content, and refer to it by \
               envFrom; name variables that belong to the manifest in `literalVariables`."
            .to_owned(),
    }
}
