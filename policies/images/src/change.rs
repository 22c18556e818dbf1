//! What a rollout changes of the images.

use rollgate_sdk::image::Image;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Workload};

use crate::rules::Rule;
use crate::settings::Config;
use crate::version::Version;

/// Compares the image of each container with that of the container of the same name before the
/// change.
pub(crate) fn check(
    new: &Workload,
    old: &Workload,
    config: &Config,
    report: &mut Report<'_, Rule>,
) {
    let mut changed = Vec::new();
    for container in new.containers() {
        let Some(before) = old.container(&container.name) else {
            continue;
        };
        if before.image == container.image {
            continue;
        }
        changed.push(container.record().name.as_str());
        if is_downgrade(&before.image, &container.image) {
            report.in_container(&container.name, Rule::VersionDowngrade, || {
                downgrade(container, &before.image)
            });
        }
    }
    if let Some(most) = config.max_images_changed
        && changed.len() > most
    {
        report.add(Rule::ManyImagesChanged, || many(&changed, most));
    }
}

/// Whether the same repository is named with an earlier version.
fn is_downgrade(before: &str, after: &str) -> bool {
    let (before, after) = (Image::parse(before), Image::parse(after));
    let versions = before.tag.zip(after.tag);
    let versions = versions
        .and_then(|(before, after)| Some((Version::parse(before)?, Version::parse(after)?)));
    versions.is_some_and(|(earlier, later)| later.is_before(&earlier))
        && before.repository() == after.repository()
}

fn downgrade(container: Container<'_>, before: &str) -> Problem {
    Problem {
        path: container.path_to("image"),
        message: [
            "Container `",
            &container.name,
            "` goes from ",
            before,
            " to ",
            &container.image,
            ", an earlier version, and this is no rollback to an earlier revision: what the newer \
             one has stored may be unreadable to it.",
        ]
        .concat(),
        found: container.image.clone(),
        expected: ["a version not before that of ", before].concat(),
        hint: "Roll back with `kubectl rollout undo`, which brings back the whole template; or \
               check that the version was meant."
            .to_owned(),
    }
}

/// The number of containers that a message lists.
const LISTED: usize = 8;

fn many(changed: &[&str], most: usize) -> Problem {
    let count = changed.len().to_string();
    let more = if changed.len() > LISTED { ", …" } else { "" };
    let listed = &changed[..changed.len().min(LISTED)];
    Problem {
        path: "/spec/template/spec/containers".to_owned(),
        message: [
            "This rollout changes the images of ",
            &count,
            " containers (",
            &listed.join(", "),
            more,
            "): if the new Pods fail, nobody knows which image did it.",
        ]
        .concat(),
        found: count,
        expected: ["at most ", &most.to_string()].concat(),
        hint: "Roll out the images one after the other.".to_owned(),
    }
}
