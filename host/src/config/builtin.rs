//! What is part of rollgate: the modules in `policies/`, which `host/build.rs` builds, with their rules, and
//! the sets of policies.

/// A set of policies that is used by its name.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Its policies, as YAML.
    pub text: &'static str,
}

/// The sets, from the mildest on.
pub const SETS: &[Set] = &[
    RECOMMENDED,
    Set {
        name: "zero-downtime",
        summary: "denies what costs requests during a rollout or a drain of nodes",
        text: include_str!("sets/zero-downtime.yaml"),
    },
    Set {
        name: "strict",
        summary: "denies every fault that the bundled policies find, those that existed before too",
        text: include_str!("sets/strict.yaml"),
    },
];

/// The policies that are used if the user names none.
pub const RECOMMENDED: Set = Set {
    name: "recommended",
    summary: "denies what is surely an outage, and warns of the rest; the default of `check`",
    text: include_str!("sets/recommended.yaml"),
};

/// A bundled module.
#[derive(Clone, Copy)]
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    bytes: &'static [u8],
}

/// A rule of a bundled module, as its README documents it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name of the module.
    pub policy: &'static str,
    /// The name of the rule.
    pub name: &'static str,
    /// What a finding counts as by default: `deny`, `warn`, `info` or `ignore`.
    pub level: &'static str,
    /// What it finds, in one line.
    pub finds: &'static str,
    /// What it causes, as Markdown; may be empty.
    pub why: &'static str,
    /// A scenario with a finding of the rule.
    pub wrong: Option<Example>,
    /// A scenario that comes close, without a finding.
    pub right: Option<Example>,
}

/// A scenario of a policy. The policy's tests run it, so that it is true.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The name of its file.
    pub scenario: &'static str,
    /// The file.
    pub text: &'static str,
}

/// Returns the bytes of the bundled module with this name.
#[must_use]
pub fn module(name: &str) -> Option<&'static [u8]> {
    let module = MODULES.iter().find(|module| module.name == name);
    module.map(|module| module.bytes)
}

/// Returns the names of the bundled modules.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name)
}

/// Returns the bundled modules, sorted by name.
#[must_use]
pub fn modules() -> &'static [Module] {
    MODULES
}

/// Returns the rules of the bundled modules.
#[must_use]
pub fn rules() -> &'static [Rule] {
    RULES
}

// `MODULES` and `RULES`, from the build script.
include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
