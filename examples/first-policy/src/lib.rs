//! Requires images to come from a trusted registry and to have a fixed version.

use rollgate_sdk::{
    Container, Existing, Finding, Findings, SettingsError, Workload, WorkloadCheck,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The settings, as the operator writes them. Doc comments become the schema's descriptions.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The prefixes of images that are allowed, such as `registry.example.com/shop/`.
    registries: Vec<String>,
    /// How findings count that the workload had before the change.
    #[serde(default)]
    existing: Existing,
}

/// The policy.
pub struct PinnedImages(Settings);

rollgate_sdk::export!(PinnedImages);

impl WorkloadCheck for PinnedImages {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        match settings
            .registries
            .iter()
            .position(|prefix| !prefix.ends_with('/'))
        {
            Some(index) => Err(SettingsError::at(
                format!("/registries/{index}"),
                "must end in `/`, or `example.com` would also allow `example.com.evil.org`",
            )),
            None => Ok(Self(settings)),
        }
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        for container in workload.containers() {
            findings.extend(self.foreign(&container));
            findings.extend(floating(&container));
        }
    }

    fn existing(&self) -> Existing {
        self.0.existing
    }
}

impl PinnedImages {
    fn foreign(&self, container: &Container) -> Option<Finding> {
        let trusted = self
            .0
            .registries
            .iter()
            .any(|prefix| container.image.starts_with(prefix));
        (!trusted).then(|| {
            Finding::deny(
                "registry-not-allowed",
                container.path_to("image"),
                "This image comes from a registry that nobody here vouches for",
            )
            .found(&container.image)
            .expected(format!("an image from {}", self.0.registries.join(" or ")))
            .hint("Push the image to one of these registries and name it from there")
        })
    }
}

fn floating(container: &Container) -> Option<Finding> {
    let pinned = match version(&container.image) {
        Version::Digest => true,
        Version::Tag(tag) => tag != "latest",
        Version::None => false,
    };
    (!pinned).then(|| {
        Finding::deny(
            "image-not-pinned",
            container.path_to("image"),
            "What this name stands for can change under a running rollout, and a rollback cannot get the old image back",
        )
        .found(&container.image)
        .expected("a digest, or a tag other than latest")
        .hint("Name the version you tested, such as :1.4.2 or @sha256:…")
    })
}

enum Version<'a> {
    Digest,
    Tag(&'a str),
    None,
}

/// Returns the kind of version. Only the part after the last `/` counts, since a colon before it
/// precedes the registry's port.
fn version(image: &str) -> Version<'_> {
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once(':') {
        _ if name.contains('@') => Version::Digest,
        Some((_, tag)) => Version::Tag(tag),
        None => Version::None,
    }
}
