//! Changed images, and changed texts that only follow them.

use rollgate_sdk::Workload;
use rollgate_sdk::image::Image;

use crate::Place;

/// Returns the first changed image, or the first container that is new or missing.
pub(crate) fn difference(old: &Workload, new: &Workload) -> Option<Place> {
    for container in new.containers() {
        let name = &container.name;
        match old.container(name) {
            None => {
                let what = ["the list of containers (`", name, "` is new)"].concat();
                return Some((container.path_to(""), what));
            }
            Some(before) if before.image != container.image => {
                let what = ["the image of `", name, "`"].concat();
                return Some((container.path_to("image"), what));
            }
            Some(_) => {}
        }
    }
    let mut before = old.containers();
    let gone = before.find(|container| new.container(&container.name).is_none())?;
    let what = ["the list of containers (`", &gone.name, "` is gone)"].concat();
    Some(("/spec/template/spec/containers".to_owned(), what))
}

/// The versions by which the images of a rollout change, such as `1.4.0` to `1.4.1`.
pub(crate) struct Versions(Vec<(String, String)>);

impl Versions {
    /// Collects the changed tags and digests of containers with the same name.
    pub(crate) fn of(old: &Workload, new: &Workload) -> Self {
        let mut changes = Vec::new();
        for container in new.containers() {
            let Some(before) = old.container(&container.name) else {
                continue;
            };
            let (from, to) = (Image::parse(&before.image), Image::parse(&container.image));
            let pairs = [(from.tag, to.tag), (from.digest, to.digest)];
            for (from, to) in pairs {
                if let (Some(from), Some(to)) = (from, to)
                    && from != to
                    && !from.is_empty()
                {
                    changes.push((from.to_owned(), to.to_owned()));
                    let bare = from.strip_prefix('v').zip(to.strip_prefix('v'));
                    changes.extend(bare.map(|(from, to)| (from.to_owned(), to.to_owned())));
                }
            }
        }
        Self(changes)
    }

    /// Whether a text differs only by the version of an image that changes with it, such as
    /// `service.version=1.4.0`.
    pub(crate) fn explain(&self, before: &str, after: &str) -> bool {
        self.0.iter().any(|(from, to)| {
            !from.is_empty() && before.contains(from.as_str()) && before.replace(from, to) == after
        })
    }
}
