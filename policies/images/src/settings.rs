//! The settings of the policy.

use rollgate_sdk::rules::{Exceptions, Levels};
use rollgate_sdk::{Existing, Problems, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::pattern::Pattern;
use crate::registry::Registry;
use crate::rules::Rule;

/// Settings of the `images` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// What pins an image.
    pub pinned_by: PinnedBy,
    /// Tags that are moved from image to image. `*` stands for any characters, as in `*-snapshot`.
    /// The list replaces the default; `latest`, and no tag at all, are always mutable. Give the
    /// same list to `--mutable-tags`, so that a restart with such a tag counts as a roll-forward.
    pub mutable_tags: Vec<String>,
    /// The registries, or folders of them, that images may come from, such as `registry.example.com`
    /// or `docker.io/library`. A `*` stands for any characters of one part, as in
    /// `*.dkr.ecr.*.amazonaws.com`. Empty: any registry.
    pub registries: Vec<String>,
    /// How many images one rollout may change. Unset: any number.
    pub max_images_changed: Option<u32>,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// What pins an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PinnedBy {
    /// A tag that is not mutable by its name, or a digest.
    Tag,
    /// A digest only.
    Digest,
}

/// The tags that are mutable by convention.
const MUTABLE_TAGS: &[&str] = &[
    "latest",
    "*-latest",
    "latest-*",
    "main",
    "master",
    "trunk",
    "head",
    "HEAD",
    "dev",
    "devel",
    "develop",
    "development",
    "test",
    "testing",
    "staging",
    "prod",
    "production",
    "stable",
    "unstable",
    "edge",
    "canary",
    "nightly",
    "*-nightly",
    "current",
    "rolling",
    "snapshot",
    "SNAPSHOT",
    "*-snapshot",
    "*-SNAPSHOT",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Levels::default(),
            exceptions: Exceptions::default(),
            pinned_by: PinnedBy::Tag,
            mutable_tags: MUTABLE_TAGS.iter().map(|&tag| tag.to_owned()).collect(),
            registries: Vec::new(),
            max_images_changed: None,
            existing: Existing::default(),
        }
    }
}

/// The settings, ready for use.
pub(crate) struct Config {
    pub(crate) rules: Levels<Rule>,
    pub(crate) exceptions: Exceptions<Rule>,
    pub(crate) pinned_by: PinnedBy,
    pub(crate) mutable_tags: Vec<Pattern>,
    pub(crate) registries: Vec<Registry>,
    pub(crate) max_images_changed: Option<usize>,
    pub(crate) existing: Existing,
}

impl Settings {
    /// Checks the settings and parses their patterns.
    pub(crate) fn parse(self) -> Result<Config, SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            let tags = each(
                &self.mutable_tags,
                &mut problems.at("mutableTags"),
                Pattern::of_tag,
            );
            let registries = each(
                &self.registries,
                &mut problems.at("registries"),
                Registry::parse,
            );
            Some(Config {
                rules: self.rules,
                exceptions: self.exceptions,
                pinned_by: self.pinned_by,
                mutable_tags: tags,
                registries,
                max_images_changed: self.max_images_changed.map(|most| most as usize),
                existing: self.existing,
            })
        })
    }
}

fn each<T>(
    texts: &[String],
    problems: &mut Problems<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let texts = texts.iter().enumerate();
    texts
        .filter_map(|(index, text)| problems.at(index).keep(parse(text)))
        .collect()
}
