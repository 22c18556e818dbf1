//! The images that a workload uses.

use rollgate_sdk::image::Image;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Workload, serde_json};
use serde::Deserialize;

use crate::rules::Rule;

/// An image of a container, init containers included, or of an image volume.
pub(crate) struct Used {
    /// Where the reference stands.
    pub(crate) path: String,
    /// The container or volume, as messages name it.
    pub(crate) place: String,
    /// The container, to which exceptions may apply; `None` for a volume.
    container: Option<String>,
    pub(crate) reference: String,
    pub(crate) pull_policy: String,
}

impl Used {
    /// Returns the parts of the reference.
    pub(crate) fn image(&self) -> Image<'_> {
        Image::parse(&self.reference)
    }

    /// Adds a finding in this image.
    pub(crate) fn report(
        &self,
        report: &mut Report<'_, Rule>,
        rule: Rule,
        problem: impl FnOnce() -> Problem,
    ) {
        match &self.container {
            Some(container) => report.in_container(container, rule, problem),
            None => report.add(rule, problem),
        }
    }
}

/// Returns every image of the workload. Containers without an image, which a controller fills in,
/// are left out.
pub(crate) fn images(workload: &Workload) -> Vec<Used> {
    let containers = workload.containers().map(|container| Used {
        path: container.path_to("image"),
        place: ["Container `", &container.name, "`"].concat(),
        container: Some(container.name.clone()),
        reference: container.image.clone(),
        pull_policy: container.image_pull_policy.clone(),
    });
    let mut images: Vec<Used> = containers.collect();
    images.extend(of_volumes(workload));
    images.retain(|used| !used.reference.is_empty());
    images
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    #[serde(default)]
    name: String,
    image: Option<ImageVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageVolume {
    #[serde(default)]
    reference: String,
    #[serde(default)]
    pull_policy: String,
}

fn of_volumes(workload: &Workload) -> Vec<Used> {
    let text = workload
        .json(VOLUMES)
        .filter(|text| text.contains("\"image\""));
    let volumes = text.map(|text| serde_json::from_str::<Vec<Volume>>(&text));
    let volumes = volumes.and_then(Result::ok).unwrap_or_default();
    let volumes = volumes.into_iter().enumerate();
    let images = volumes.filter_map(|(index, volume)| {
        let image = volume.image?;
        Some(Used {
            path: format!("{VOLUMES}/{index}/image/reference"),
            place: ["Volume `", &volume.name, "`"].concat(),
            container: None,
            reference: image.reference,
            pull_policy: image.pull_policy,
        })
    });
    images.collect()
}

const VOLUMES: &str = "/spec/template/spec/volumes";
