//! Prepared policies on disk: compiled code is read back only from a folder that nobody else can
//! write, and only where its digest is right, because deserializing foreign or damaged code would
//! run it.

mod folder;
mod key;
mod tidy;

use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::abi::Description;
use super::load::Prepared;
use super::module::hex;
use super::policy::Start;
use super::runtime::Imports;
pub use folder::CacheError;
use folder::Folder;
pub(super) use key::Key;

/// A folder of artefacts. Each is two files: the compiled code, mapped from there and so shared
/// between processes and loaded page by page; and what else was learnt while preparing the policy,
/// with the digest of the code.
pub(super) struct Cache(Folder);

#[derive(serde::Serialize, serde::Deserialize)]
struct Facts {
    imports: Imports,
    description: Description,
    start: Start,
    /// Of the code, in hexadecimal.
    code_sha256: String,
}

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

    /// The artefact of a key; one that cannot be used is told and treated as absent.
    pub(super) fn get(&self, key: &Key, engine: &Engine) -> Option<(Prepared, Component)> {
        let facts = self.0.read(&key.facts_file())?;
        match self.revive(key, &facts, engine) {
            Ok(artefact) => {
                for file in [key.facts_file(), key.code_file()] {
                    tidy::mark_used(&self.0.path(&file));
                }
                Some(artefact)
            }
            Err(error) => {
                let file = key.facts_file();
                tracing::warn!(file, %error, "a cached policy is prepared again");
                None
            }
        }
    }

    /// Keeps an artefact. A full or read-only disk costs the cache, not the policy.
    pub(super) fn put(&self, key: &Key, prepared: &Prepared, code: &[u8]) {
        let facts = Facts {
            imports: prepared.imports,
            description: prepared.description.clone(),
            start: prepared.start.clone(),
            code_sha256: hex(&Sha256::digest(code)),
        };
        let written = facts.encode().and_then(|facts| {
            self.0.write(&key.code_file(), code)?;
            self.0.write(&key.facts_file(), &facts)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "a prepared policy could not be kept in the cache");
        }
    }

    fn revive(
        &self,
        key: &Key,
        facts: &[u8],
        engine: &Engine,
    ) -> Result<(Prepared, Component), Unusable> {
        let facts = Facts::decode(facts).ok_or(Unusable::Damaged)?;
        let code = self.0.read(&key.code_file()).ok_or(Unusable::Incomplete)?;
        if hex(&Sha256::digest(&code)) != facts.code_sha256 {
            return Err(Unusable::Damaged);
        }
        drop(code);
        // SAFETY: the file was serialized by this version of wasmtime (its version and the engine's
        // settings are part of the key), its SHA-256 is right, and nobody else can have changed it
        // since: the folder is ours alone, and we replace files whole.
        let code = unsafe { Component::deserialize_file(engine, self.0.path(&key.code_file())) };
        Ok((facts.into_prepared(), code.map_err(Unusable::Refused)?))
    }
}

impl Facts {
    fn into_prepared(self) -> Prepared {
        let Self {
            imports,
            description,
            start,
            ..
        } = self;
        Prepared {
            component: [].into(),
            imports,
            description,
            start,
        }
    }

    /// The digest of all that follows, then the facts as JSON.
    fn encode(&self) -> std::io::Result<Vec<u8>> {
        let facts = serde_json::to_vec(self)?;
        Ok([Sha256::digest(&facts).as_slice(), &facts].concat())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (digest, facts) = bytes.split_at_checked(DIGEST)?;
        if Sha256::digest(facts).as_slice() != digest {
            return None;
        }
        serde_json::from_slice(facts).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let description = Description {
            name: "probes".into(),
            version: "1.2.3".into(),
            summary: "Looks at probes".into(),
            settings_schema: "{}".into(),
            extra: vec![],
        };
        let code_sha256 = hex(&Sha256::digest(b"machine code"));
        Facts {
            imports: Imports::Contract,
            description,
            start: Start::Configured,
            code_sha256,
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let read = Facts::decode(&facts().encode().expect("it fits")).expect("it is sound");
        assert_eq!(read.code_sha256, facts().code_sha256);
        assert_eq!(read.description, facts().description);
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_passes() {
        let sound = facts().encode().expect("it fits");
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut flipped = sound.clone();
                flipped[at] ^= 1 << bit;
                assert!(Facts::decode(&flipped).is_none(), "bit {bit} of byte {at}");
            }
            assert!(Facts::decode(&sound[..at]).is_none(), "cut at {at}");
        }
    }
}
