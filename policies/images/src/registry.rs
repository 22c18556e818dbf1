//! Registries that images may come from.

use rollgate_sdk::image::Image;

use crate::pattern::Pattern;

/// A registry, or a folder of it, in full: `docker.io`, `ghcr.io/acme`.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    parts: Vec<Pattern>,
    written: String,
}

impl Registry {
    /// Parses an entry of the settings. A `/` at its end is left out.
    pub(crate) fn parse(written: &str) -> Result<Self, String> {
        let text = written.strip_suffix('/').unwrap_or(written);
        let (host, _) = text.split_once('/').unwrap_or((text, ""));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-*:".contains(&byte);
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(fits);
        if text.contains("://") {
            return Err(format!("`{written}` is a URL; write it without `https://`"));
        }
        if !text.split('/').all(is_part) {
            return Err(format!(
                "`{written}` is no registry; write a host, or a host and folders, such as \
                 registry.example.com/shop"
            ));
        }
        if host == "*" {
            return Err(format!(
                "`{written}` allows every registry; name those that are trusted"
            ));
        }
        if host != "localhost" && !host.contains(['.', ':', '*']) {
            return Err(format!(
                "`{host}` is no host of a registry; write it in full, such as docker.io/{text}"
            ));
        }
        Ok(Self {
            parts: text.split('/').map(Pattern::of_part).collect(),
            written: written.to_owned(),
        })
    }

    /// Whether the image is in this registry and folder. Parts are compared one by one, so that
    /// `example.com` does not allow `example.com.evil.org`, and no `*` reaches across a `/`.
    pub(crate) fn has(&self, image: &Image<'_>) -> bool {
        let repository = image.repository();
        let mut parts = repository.split('/');
        let mut expected = self.parts.iter();
        expected.all(|expected| parts.next().is_some_and(|part| expected.matches(part)))
    }

    /// Returns the entry as it is written in the settings.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }
}
