//! Images from registries that are not allowed.

use rollgate_sdk::rules::{Problem, Report};

use crate::registry::Registry;
use crate::rules::Rule;
use crate::settings::Config;
use crate::used::Used;

/// Checks that an image comes from one of the registries of the settings.
pub(crate) fn check(used: &Used, config: &Config, report: &mut Report<'_, Rule>) {
    let registries = &config.registries;
    let image = used.image();
    if !registries.is_empty() && !registries.iter().any(|registry| registry.has(&image)) {
        used.report(report, Rule::RegistryNotAllowed, || {
            not_allowed(used, &config.registries)
        });
    }
}

fn not_allowed(used: &Used, registries: &[Registry]) -> Problem {
    let allowed: Vec<&str> = registries.iter().map(Registry::written).collect();
    Problem {
        path: used.path.clone(),
        message: [
            used.place.as_str(),
            " uses an image of ",
            &used.image().repository(),
            ", which is in none of the allowed registries: nobody vouches for it, and it may be \
             gone when a node needs it.",
        ]
        .concat(),
        found: used.reference.clone(),
        expected: ["an image from ", &allowed.join(" or ")].concat(),
        hint: "Copy the image to an allowed registry, and name it from there.".to_owned(),
    }
}
