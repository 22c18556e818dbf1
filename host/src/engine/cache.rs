//! Prepared policies on disk: compiled code is read back only from a folder that nobody else can
//! write, and only where its digest is right, because deserializing foreign or damaged code would
//! run it.

mod folder;
mod key;

use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::abi::Description;
use super::load::Prepared;
use super::policy::Start;
use super::runtime::Imports;
pub use folder::CacheError;
use folder::Folder;
pub(super) use key::Key;

/// A folder of artefacts.
pub(super) struct Cache(Folder);

/// A compiled component, and what else was learnt while preparing it.
pub(super) struct Artefact {
    facts: Facts,
    code: Vec<u8>,
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Facts {
    imports: Imports,
    description: Description,
    start: Start,
}

const DIGEST: usize = 32;
const LENGTH: usize = 4;

impl Cache {
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        Folder::open(path).map(Self)
    }

    /// The artefact of a key; a damaged one is told and treated as absent.
    pub(super) fn get(&self, key: &Key) -> Option<Artefact> {
        let bytes = self.0.read(&key.file_name())?;
        let artefact = Artefact::decode(bytes);
        if artefact.is_none() {
            tracing::warn!(
                file = key.file_name(),
                "a cached policy is damaged and is prepared again"
            );
        }
        artefact
    }

    /// Keeps an artefact. A full or read-only disk costs the cache, not the policy.
    pub(super) fn put(&self, key: &Key, artefact: &Artefact) {
        if let Err(error) = artefact
            .encode()
            .and_then(|bytes| self.0.write(&key.file_name(), &bytes))
        {
            tracing::warn!(%error, "a prepared policy could not be kept in the cache");
        }
    }
}

impl Artefact {
    pub(super) fn new(prepared: &Prepared, code: &[u8]) -> Self {
        let facts = Facts {
            imports: prepared.imports,
            description: prepared.description.clone(),
            start: prepared.start.clone(),
        };
        Self {
            facts,
            code: code.to_vec(),
        }
    }

    pub(super) fn deserialize(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the code was serialized by this version of wasmtime (its version and the engine's
        // settings are part of the key), in a folder that only we can write, and its SHA-256 is right.
        unsafe { Component::deserialize(engine, &self.code) }
    }

    pub(super) fn into_prepared(self) -> Prepared {
        let Facts {
            imports,
            description,
            start,
        } = self.facts;
        Prepared {
            component: [].into(),
            imports,
            description,
            start,
        }
    }

    /// Digest of all that follows, length of the facts, facts, code.
    fn encode(&self) -> std::io::Result<Vec<u8>> {
        let facts = serde_json::to_vec(&self.facts)?;
        let length = u32::try_from(facts.len()).map_err(std::io::Error::other)?;
        let mut bytes = vec![0; DIGEST];
        bytes.extend(length.to_le_bytes());
        bytes.extend(facts);
        bytes.extend(&self.code);
        let digest = Sha256::digest(&bytes[DIGEST..]);
        bytes[..DIGEST].copy_from_slice(&digest);
        Ok(bytes)
    }

    fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let (digest, rest) = bytes.split_at_checked(DIGEST)?;
        if Sha256::digest(rest).as_slice() != digest {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let facts = serde_json::from_slice(rest.get(..length)?).ok()?;
        Some(Self {
            facts,
            code: bytes.split_off(DIGEST + LENGTH + length),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artefact() -> Artefact {
        let description = Description {
            name: "probes".into(),
            version: "1.2.3".into(),
            summary: "Looks at probes".into(),
            settings_schema: "{}".into(),
            extra: vec![],
        };
        let facts = Facts {
            imports: Imports::Contract,
            description,
            start: Start::Configured,
        };
        Artefact {
            facts,
            code: b"machine code".to_vec(),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let read = Artefact::decode(artefact().encode().expect("it fits")).expect("it is sound");
        assert_eq!(read.code, b"machine code");
        assert_eq!(read.facts.description, artefact().facts.description);
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_passes() {
        let sound = artefact().encode().expect("it fits");
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut flipped = sound.clone();
                flipped[at] ^= 1 << bit;
                assert!(
                    Artefact::decode(flipped).is_none(),
                    "bit {bit} of byte {at}"
                );
            }
            assert!(
                Artefact::decode(sound[..at].to_vec()).is_none(),
                "cut at {at}"
            );
        }
    }
}
