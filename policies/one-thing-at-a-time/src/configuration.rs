//! Changed commands, arguments, variables, and mounted ConfigMaps and Secrets.

use rollgate_sdk::serde_json::Value;
use rollgate_sdk::{Container, Workload, pointer, serde_json};

use crate::Place;
use crate::image::Versions;

/// Returns the first difference in the configuration. Texts that only repeat the version of an
/// image are left out.
pub(crate) fn difference(old: &Workload, new: &Workload) -> Option<Place> {
    let versions = Versions::of(old, new);
    let mut containers = new.containers();
    let in_containers = containers.find_map(|after| {
        let before = old.container(&after.name)?;
        of_container(before, after, &versions)
    });
    in_containers
        .or_else(|| mounted(old, new))
        .or_else(|| checksums(old, new, &versions))
}

fn of_container(before: Container<'_>, after: Container<'_>, versions: &Versions) -> Option<Place> {
    let of = |field: &str| {
        (
            after.path_to(field),
            ["the ", field, " of `", &after.name, "`"].concat(),
        )
    };
    if !same_words(&before.command, &after.command, versions) {
        return Some(of("command"));
    }
    if !same_words(&before.args, &after.args, versions) {
        return Some(of("args"));
    }
    if let Some(variable) = changed_variable(before, after, versions) {
        let what = ["variable `", &variable, "` of `", &after.name, "`"].concat();
        return Some((after.path_to("env"), what));
    }
    (before.env_from() != after.env_from()).then(|| of("envFrom"))
}

fn same_words(before: &[String], after: &[String], versions: &Versions) -> bool {
    let same = |(one, other): (&String, &String)| one == other || versions.explain(one, other);
    before.len() == after.len() && before.iter().zip(after).all(same)
}

/// Returns the first variable that is new, gone or another one. Their order is left out, unless
/// values refer to other variables, which Kubernetes expands in order: then the values differ, too.
fn changed_variable(
    before: Container<'_>,
    after: Container<'_>,
    versions: &Versions,
) -> Option<String> {
    let (before, after) = (before.env(), after.env());
    let mut changed = after.iter().filter(|variable| {
        let old = before.iter().find(|old| old.name == variable.name);
        match old {
            None => true,
            Some(old) if old == *variable => false,
            Some(old) => match (&old.value, &variable.value) {
                (Some(one), Some(other)) => !versions.explain(one, other),
                _ => true,
            },
        }
    });
    let mut before = before.iter();
    let changed = changed.next();
    let gone = || before.find(|old| after.iter().all(|variable| variable.name != old.name));
    changed.or_else(gone).map(|variable| variable.name.clone())
}

/// Compares the volumes that have configuration: ConfigMaps, Secrets, projected ones.
fn mounted(old: &Workload, new: &Workload) -> Option<Place> {
    let (before, after) = (configured(old), configured(new));
    if before == after {
        return None;
    }
    let mut changed = after.iter().chain(&before);
    let changed = changed.find(|volume| !before.contains(volume) || !after.contains(volume))?;
    let name = changed
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some((VOLUMES.to_owned(), ["volume `", name, "`"].concat()))
}

const VOLUMES: &str = "/spec/template/spec/volumes";

/// Returns the volumes with configuration, sorted by name.
fn configured(workload: &Workload) -> Vec<Value> {
    let volumes = workload
        .json(VOLUMES)
        .and_then(|text| serde_json::from_str(&text).ok());
    let Some(Value::Array(mut volumes)) = volumes else {
        return Vec::new();
    };
    let sources = ["configMap", "secret", "projected"];
    volumes.retain(|volume| sources.iter().any(|source| volume.get(source).is_some()));
    volumes.sort_by(|one, other| {
        let name = |volume: &Value| {
            volume
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        name(one).cmp(&name(other))
    });
    volumes
}

/// Compares the annotations by which charts make Pods restart when a ConfigMap has changed.
fn checksums(old: &Workload, new: &Workload, versions: &Versions) -> Option<Place> {
    let before = old.pod_annotations();
    let after = new.pod_annotations();
    let changed = after.iter().find(|(key, value)| {
        let old = before.iter().find(|(name, _)| name == key);
        (key.starts_with("checksum/") || key.starts_with("checksum."))
            && old.is_some_and(|(_, old)| old != value && !versions.explain(old, value))
    });
    let (key, _) = changed?;
    let path = pointer(["spec", "template", "metadata", "annotations", key]);
    Some((path, ["configuration (annotation ", key, ")"].concat()))
}
