//! The policies that are part of rollgate: those in `policies/`, which `host/build.rs` builds.

/// The policies that are used if the user names none.
pub const DEFAULT_SET: &str = include_str!("default-set.yaml");

/// Returns the bytes of the bundled module with this name.
#[must_use]
pub fn module(name: &str) -> Option<&'static [u8]> {
    MODULES
        .iter()
        .find(|(bundled, _)| *bundled == name)
        .map(|(_, bytes)| *bytes)
}

/// Returns the names of the bundled modules.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

// `MODULES`: names and bytes, from the build script.
include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
