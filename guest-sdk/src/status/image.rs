//! References to images, compared.

use std::fmt;

/// A reference to an image, such as `registry.example.com/shop:2.0@sha256:…`.
///
/// ```
/// use rollgate_sdk::status::Image;
///
/// let image = Image::parse("nginx");
/// assert!(image.is_same(&Image::parse("docker.io/library/nginx:latest")));
/// assert!(!image.is_same(&Image::parse("nginx:1.29")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    written: String,
    repository: String,
    tag: String,
    digest: Option<String>,
}

impl Image {
    /// Parses a reference, with Docker's defaults: `docker.io/library/` and `latest`.
    #[must_use]
    pub fn parse(written: &str) -> Self {
        let (name, digest) = match written.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (written, None),
        };
        // A colon before a slash belongs to the port of the registry.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (name, "latest"),
        };
        Self {
            written: written.to_owned(),
            repository: full_repository(name),
            tag: tag.to_owned(),
            digest,
        }
    }

    /// Whether both are known to be the same image: they have the same digest, or neither has a
    /// digest and they have the same repository and tag.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.digest, &other.digest) {
            (Some(one), Some(two)) => one == two && !one.is_empty(),
            (None, None) => self.repository == other.repository && self.tag == other.tag,
            _ => false,
        }
    }

    /// Returns the digest, if the reference has one.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Adds the registry and the folder that Docker leaves out.
fn full_repository(name: &str) -> String {
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => ["docker.io/", name].concat(),
        None => ["docker.io/library/", name].concat(),
    }
}
