//! Since when a workload runs images that another one is to take.

use super::{Image, Pod, Progress, WorkloadStatus};
use crate::{Rollout, Workload};
use jiff::Timestamp;
use std::fmt;

/// An image that a rollout brings into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenImage {
    /// The name of the container.
    pub container: String,
    /// The image.
    pub image: Image,
    /// The JSON pointer of the container's `image`.
    pub path: String,
}

/// Returns the images that a rollout brings: those that the containers did not have before, and
/// those by a tag that is pulled for each new Pod, which may name another image now.
#[must_use]
pub fn taken_images(rollout: &Rollout<'_>, new: &Workload) -> Vec<TakenImage> {
    let old = rollout.old();
    let mut taken: Vec<TakenImage> = Vec::new();
    for container in new.containers() {
        let image = Image::parse(&container.image);
        let before = old.and_then(|old| old.container(&container.name));
        let is_same = before.is_some_and(|before| before.image == container.image);
        let is_pulled_again = container.image_pull_policy == "Always" && image.digest().is_none();
        if is_same && !is_pulled_again {
            continue;
        }
        taken.push(TakenImage {
            container: container.name.clone(),
            image,
            path: container.path_to("image"),
        });
    }
    taken
}

/// Why a workload does not run an image as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// It has another image; or none that could be compared.
    OtherImage(String),
    /// Its Pods pulled different images by the same tag: their IDs.
    SeveralImages(String, String),
    /// Its Pods are not all updated and available.
    NotAvailable(String),
}

/// Returns since when all Pods of a workload run an image and are available.
///
/// # Errors
/// They do not.
pub fn available_with(
    workload: &WorkloadStatus,
    pods: &[Pod],
    taken: &TakenImage,
) -> Result<Timestamp, NotYet> {
    let image = &taken.image;
    let other = |found: Option<&str>| {
        let none = "no container with this image";
        NotYet::OtherImage(found.unwrap_or(none).to_owned())
    };
    if let Some(pod) = pods.iter().find(|pod| !pod.runs(image)) {
        return Err(other(pod.image_of(&taken.container)));
    }
    if pods.is_empty() {
        return Err(if workload.has_image(image) {
            NotYet::NotAvailable("it has no Pods".to_owned())
        } else {
            other(workload.image_of(&taken.container))
        });
    }
    let progress = workload.progress();
    if progress != Progress::Complete {
        return Err(NotYet::NotAvailable(progress.to_string()));
    }
    if image.digest().is_none() {
        let mut ids = pods.iter().flat_map(|pod| pod.ids_of(image));
        let first = ids.next();
        if let Some((one, two)) = first.zip(ids.find(|id| Some(*id) != first)) {
            return Err(NotYet::SeveralImages(one.to_owned(), two.to_owned()));
        }
    }
    workload
        .available_since(pods)
        .ok_or_else(|| NotYet::NotAvailable("nothing shows since when".to_owned()))
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherImage(found) => write!(f, "it runs {found}"),
            Self::SeveralImages(one, two) => {
                write!(
                    f,
                    "its Pods pulled different images by this tag: {one} and {two}"
                )
            }
            Self::NotAvailable(why) => write!(f, "it is not available in full: {why}"),
        }
    }
}
