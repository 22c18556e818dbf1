//! A folder of policies that do what no policy should.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// What the guest `misbehaving` can do.
pub const DEEDS: [&str; 22] = [
    "loop",
    "memory-bomb",
    "deep-recursion",
    "trap",
    "panic",
    "huge-output",
    "log-flood",
    "slow-query",
    "secret-read",
    "allows-what-it-denies",
    "allows-what-it-holds",
    "holds-what-it-denies",
    "denies-without-reason",
    "holds-without-reason",
    "points-nowhere",
    "says-nothing",
    "names-no-rule",
    "metric-in-configure",
    "clock-in-configure",
    "loop-in-configure",
    "panic-in-configure",
    "refuses-its-settings",
];

/// A hundred megabytes from a guest that has the memory for them.
pub const WITH_ROOM: &str = "huge-output-with-room";

/// How far these get before their time is up depends on the machine.
pub const EITHER: [&str; 2] = ["log-flood", WITH_ROOM];

/// What does no harm: a policy that cannot be snapshotted, and the bundled one beside them all.
pub const SOUND: [&str; 2] = ["no-room-for-a-snapshot", "probes"];

/// Deeds whose verdict contradicts itself or lacks what the contract asks, and what it counts as.
pub const CONTRADICTIONS: [(&str, &str); 9] = [
    ("allows-what-it-denies", "deny"),
    ("allows-what-it-holds", "hold"),
    ("holds-what-it-denies", "deny"),
    ("denies-without-reason", "deny"),
    ("holds-without-reason", "hold"),
    ("points-nowhere", "deny"),
    ("says-nothing", "deny"),
    ("names-no-rule", "deny"),
    ("speaks-another-language", "deny"),
];

/// What a policy of the folder judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The namespace of its own name.
    Namespace,
    /// Everything.
    Everywhere,
}

/// Modules that misbehave whatever their settings, or are no policies at all, by what is wrong with
/// the file; `None` where there is none.
///
/// # Panics
/// Where the build script has not built them.
#[must_use]
pub fn modules() -> BTreeMap<&'static str, Option<Vec<u8>>> {
    let guest = |path| fs::read(path).expect("the build script built it");
    let wat = |text| Some(wat::parse_str(text).expect("wat"));
    let sound = guest(env!("MISBEHAVING"));
    [
        (
            "loop-in-describe",
            Some(guest(env!("MISBEHAVING_DESCRIBE"))),
        ),
        (
            "one-string-many-times",
            Some(guest(env!("MISBEHAVING_RAW"))),
        ),
        (
            "speaks-another-language",
            Some(guest(env!("MISBEHAVING_WORDS"))),
        ),
        (
            "no-room-for-a-snapshot",
            Some(guest(env!("MISBEHAVING_CRAMPED"))),
        ),
        ("empty-file", Some(vec![])),
        ("garbage", Some(b"#!/bin/sh\nexit 0\n".to_vec())),
        ("truncated", Some(sound[..sound.len() / 2].to_vec())),
        ("missing-file", None),
        ("wrong-world", wat("(component)")),
        ("core-module", wat("(module)")),
        (
            "forbidden-import",
            wat("(module (import \"env\" \"socket\" (func)))"),
        ),
    ]
    .into()
}

/// The names of all policies of the folder, but for the sound one beside them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let deeds = DEEDS.into_iter().chain([WITH_ROOM]);
    deeds.chain(modules().into_keys())
}

/// Writes a policy for each deed and for each module, and the metric source `prod` that some of them
/// ask, at an address where nobody answers.
///
/// # Panics
/// Where the folder cannot be written.
pub fn write(folder: &Path, stalled: SocketAddr, scope: Scope) {
    let source = format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: MetricSource\nmetadata: {{name: prod}}\n\
         spec: {{prometheus: {{url: \"http://{stalled}\"}}}}\n"
    );
    put(folder, "metrics.yaml", source.as_bytes());
    for deed in DEEDS.into_iter().chain([WITH_ROOM]) {
        write_deed(folder, deed, scope);
    }
    for (name, bytes) in modules() {
        if let Some(bytes) = bytes {
            put(folder, &format!("{name}.wasm"), &bytes);
        }
        let text = policy(name, &format!("{{file: {name}.wasm}}"), "");
        let text = scoped(name, text, scope);
        put(folder, &format!("{name}.yaml"), text.as_bytes());
    }
}

/// Writes a policy that does this, and beside it a sound one for all namespaces.
///
/// # Panics
/// As [`write()`].
pub fn write_deed(folder: &Path, deed: &str, scope: Scope) {
    let sound = policy("probes", "{builtin: probes}", "timeout: 5s");
    put(folder, "probes.yaml", sound.as_bytes());
    let guest = fs::read(env!("MISBEHAVING")).expect("the build script built it");
    put(folder, "misbehaving.wasm", &guest);
    let (settings, memory) = match deed {
        WITH_ROOM => ("huge-output", "256Mi"),
        _ => (deed, "16Mi"),
    };
    let grants = match deed {
        "slow-query" | "metric-in-configure" => "{metrics: [prod]}",
        _ => "{}",
    };
    let more = format!(
        "settings: {{deed: {settings}}}\n  timeout: 1s\n  memory: {memory}\n  grants: {grants}"
    );
    let text = policy(deed, "{file: misbehaving.wasm}", &more);
    let text = scoped(deed, text, scope);
    put(folder, &format!("{deed}.yaml"), text.as_bytes());
}

fn scoped(name: &str, policy: String, scope: Scope) -> String {
    match scope {
        Scope::Namespace => format!("{policy}  match: {{namespaces: [{name}]}}\n"),
        Scope::Everywhere => policy,
    }
}

fn policy(name: &str, module: &str, more: &str) -> String {
    format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata:\n  name: {name}\nspec:\n  \
         module: {module}\n  {more}\n"
    )
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("the folder can be written");
}
