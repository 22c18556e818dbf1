//! Tells whether Pods that are started anew from the same template may run other code.

use serde_json::Value;

use crate::defaults::pulled_tag;
use crate::tags::MutableTags;
use crate::workload::Workload;

/// How it was told that new Pods of this workload pull an image by a name that may stand for another
/// one now; `None` where they pull none such. A node that has such an image already does not pull it
/// again under `IfNotPresent`.
pub(super) fn anew(workload: &Workload, tags: &MutableTags) -> Option<String> {
    if let Some(why) = workload.no_template() {
        return Some(format!("this restart may ship other code: {why}"));
    }
    let moves = |image: &str, policy: &str| {
        policy == "Always" && pulled_tag(image).is_some_and(|tag| tags.contain(tag))
    };
    let containers = workload.containers().iter();
    let mut of_containers = containers
        .filter(|container| moves(&container.image, &container.image_pull_policy))
        .map(|container| note("container", &container.name, &container.image));
    of_containers.next().or_else(|| {
        let mut volumes = volumes(workload);
        volumes.find_map(|(name, image, policy)| {
            moves(image, policy).then(|| note("image volume", name, image))
        })
    })
}

/// Name, image and pull policy of each volume that is an image.
fn volumes(workload: &Workload) -> impl Iterator<Item = (&str, &str, &str)> {
    let volumes = workload
        .json("/spec/template/spec/volumes")
        .and_then(Value::as_array);
    volumes.into_iter().flatten().filter_map(|volume| {
        let image = volume.get("image")?;
        Some((
            volume.get("name")?.as_str()?,
            image.get("reference")?.as_str()?,
            image.get("pullPolicy")?.as_str()?,
        ))
    })
}

fn note(what: &str, name: &str, image: &str) -> String {
    format!(
        "this restart may ship other code: {what} `{name}` pulls `{image}` again (pull policy Always), and that tag may name another image now; with a version or digest of its own it would be a restart"
    )
}
