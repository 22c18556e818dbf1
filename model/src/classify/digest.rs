//! Digests of Pod templates: they recognize a template that is not kept.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::template::write_template;
use crate::json::Value;

/// A digest by which nobody can pass one text off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextDigest([u8; 32]);

/// Returns the digest of what a template runs. Two templates have the same exactly when they have no
/// significant difference.
pub(crate) fn template_digest(template: &Value) -> TextDigest {
    let mut digest = Digesting(Sha256::new());
    write_template(&mut digest, template).expect("digesting does not fail");
    TextDigest(digest.0.finalize().into())
}

/// Returns the digest of images in this order.
pub(crate) fn images_digest(images: &[&str]) -> TextDigest {
    let mut digest = Sha256::new();
    for image in images {
        digest.update(image.len().to_le_bytes());
        digest.update(image);
    }
    TextDigest(digest.finalize().into())
}

/// Digests what is written, without a text of it.
struct Digesting(Sha256);

impl fmt::Write for Digesting {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
