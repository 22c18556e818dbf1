//! Identifies a Pod template, so that an override can be for one template only.

use std::fmt;
use std::str::FromStr;

use rollgate_model::{Workload, template_text};
use sha2::{Digest, Sha256};

/// The digest of a workload's template as the classifier compares it: with the API's defaults, and
/// without what controllers and restarts write into it.
///
/// 128 bits of a SHA-256, as 32 hexadecimal digits: nobody makes another template with the same
/// ones, and the whole still fits a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateHash([u8; 16]);

/// A text that is no template hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no template hash: those have 32 hexadecimal digits, in lower case")]
pub struct BadTemplateHash(pub String);

impl TemplateHash {
    /// Computes the hash of a workload's template.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        let digest = Sha256::digest(template_text(workload));
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

impl fmt::Display for TemplateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TemplateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for TemplateHash {
    type Err = BadTemplateHash;

    fn from_str(text: &str) -> Result<Self, BadTemplateHash> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let bad = || BadTemplateHash(text.chars().take(64).collect());
        if text.len() != 32 || !text.bytes().all(digit) {
            return Err(bad());
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| bad())?;
        Ok(Self(value.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_hash_round_trips() {
        let text = "00ab0123456789abcdef0123456789ff";
        let hash: TemplateHash = text.parse().expect("a hash");
        assert_eq!(hash.to_string(), text);
        for bad in [
            "",
            "00AB0123456789abcdef0123456789ff",
            "00ab",
            &"é".repeat(16),
        ] {
            assert!(bad.parse::<TemplateHash>().is_err(), "{bad}");
        }
    }
}
