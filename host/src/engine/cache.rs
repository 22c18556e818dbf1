//! Prepared policies on disk: compiled code is read back only from a folder that nobody else can
//! write, and only where its digest is right, because deserializing foreign or damaged code would
//! run it.

mod folder;
mod key;
mod tidy;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::load::Prepared;
pub use folder::CacheError;
use folder::Folder;
pub(super) use key::Key;

/// A folder of artefacts: what was learnt while preparing each policy; and the code of programs, mapped
/// from there and so shared between processes and loaded page by page, each beside its digest.
pub(super) struct Cache(Folder);

/// Why an artefact that is there is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its digest is wrong: it was damaged or changed")]
    Damaged,
    #[error("its code is missing")]
    Incomplete,
    #[error("the engine does not take it: {0}")]
    Refused(wasmtime::Error),
}

const DIGEST: usize = 32;

impl Cache {
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        let folder = Folder::open(path)?;
        tidy::tidy(folder.root());
        Ok(Self(folder))
    }

    /// What was learnt of a policy; what cannot be used is told and treated as absent.
    pub(super) fn policy(&self, key: &Key) -> Option<Prepared> {
        let file = key.policy_file();
        let sealed = self.0.read(&file)?;
        let opened = open(&sealed).ok_or(Unusable::Damaged);
        self.usable(&file, opened)
    }

    /// The code of a program; what cannot be used is told and treated as absent.
    pub(super) fn program(&self, key: &Key, engine: &Engine) -> Option<Component> {
        let (digest_file, code_file) = (key.digest_file(), key.code_file());
        let digest = self.0.read(&digest_file)?;
        let program = self.revive(&digest, &code_file, engine);
        let program = self.usable(&digest_file, program)?;
        tidy::mark_used(&self.0.path(&code_file));
        Some(program)
    }

    pub(super) fn has_program(&self, key: &Key) -> bool {
        self.0.path(&key.digest_file()).exists()
    }

    /// Keeps what was learnt of a policy whose program is kept. A full or read-only disk costs the
    /// cache, not the policy.
    pub(super) fn put_policy(&self, key: &Key, prepared: &Prepared) {
        if !self.has_program(&prepared.program) {
            return;
        }
        let written = seal(prepared).and_then(|sealed| self.0.write(&key.policy_file(), &sealed));
        told(written);
    }

    /// Keeps the code of a program, or nothing of it.
    pub(super) fn put_program(&self, key: &Key, code: &[u8]) {
        let (code_file, digest_file) = (key.code_file(), key.digest_file());
        let written = self.0.write(&code_file, code).and_then(|()| {
            let digest = self.0.write(&digest_file, &Sha256::digest(code));
            digest.inspect_err(|_| self.0.remove(&code_file))
        });
        told(written);
    }

    fn revive(
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
        // since: the folder is ours alone, and we replace files whole.
        let program = unsafe { Component::deserialize_file(engine, self.0.path(code_file)) };
        program.map_err(Unusable::Refused)
    }

    /// Notes the use of a file, or takes it away and says why.
    fn usable<T>(&self, file: &str, outcome: Result<T, Unusable>) -> Option<T> {
        match outcome {
            Ok(artefact) => {
                tidy::mark_used(&self.0.path(file));
                Some(artefact)
            }
            Err(error) => {
                tracing::warn!(file, %error, "a cached policy is prepared again");
                self.0.remove(file);
                None
            }
        }
    }
}

fn told(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "a prepared policy could not be kept in the cache");
    }
}

/// The digest of all that follows, then the facts as JSON.
fn seal(facts: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let facts = serde_json::to_vec(facts)?;
    Ok([Sha256::digest(&facts).as_slice(), &facts].concat())
}

fn open<T: DeserializeOwned>(sealed: &[u8]) -> Option<T> {
    let (digest, facts) = sealed.split_at_checked(DIGEST)?;
    if Sha256::digest(facts).as_slice() != digest {
        return None;
    }
    serde_json::from_slice(facts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: [&str; 2] = ["probes", "1.2.3"];

    #[test]
    fn what_was_sealed_is_read_back() {
        let sealed = seal(&FACTS).expect("it fits");
        assert_eq!(open(&sealed), Some(FACTS.map(str::to_owned)));
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_passes() {
        let sound = seal(&FACTS).expect("it fits");
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut flipped = sound.clone();
                flipped[at] ^= 1 << bit;
                let opened: Option<[String; 2]> = open(&flipped);
                assert!(opened.is_none(), "bit {bit} of byte {at}");
            }
            let opened: Option<[String; 2]> = open(&sound[..at]);
            assert!(opened.is_none(), "cut at {at}");
        }
    }
}
