//! References to images, such as `registry.example.com:5000/shop/web:1.4@sha256:…`.

/// The parts of a reference to an image, as written.
///
/// ```
/// use rollgate_sdk::image::Image;
///
/// let image = Image::parse("nginx:1.29");
/// assert_eq!(image.tag, Some("1.29"));
/// assert_eq!(image.repository(), "docker.io/library/nginx");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// The name, with the registry if it is written, without tag and digest.
    pub name: &'a str,
    /// The tag, where one is written.
    pub tag: Option<&'a str>,
    /// The digest, where one is written, such as `sha256:…`.
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Splits a reference. Text that is no reference has parts, too; nothing is checked.
    #[must_use]
    pub fn parse(reference: &'a str) -> Self {
        let (named, digest) = match reference.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash precedes a registry's port.
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[last..].split_once(':') {
            Some((path, tag)) => (&named[..last + path.len()], Some(tag)),
            None => (named, None),
        };
        Self { name, tag, digest }
    }

    /// Returns the tag by which the image is pulled: `latest` where it has none, `None` where it has
    /// a digest, which then decides alone.
    #[must_use]
    pub fn pulled_tag(&self) -> Option<&'a str> {
        match self.digest {
            Some(_) => None,
            None => Some(self.tag.unwrap_or("latest")),
        }
    }

    /// Returns the name in full, with its registry: container runtimes take short names from
    /// `docker.io`, and those without a folder from its folder `library`.
    #[must_use]
    pub fn repository(&self) -> String {
        let (registry, path) = match self.name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => ("docker.io", self.name),
        };
        match registry {
            "docker.io" | "index.docker.io" if path.contains('/') => ["docker.io/", path].concat(),
            "docker.io" | "index.docker.io" => ["docker.io/library/", path].concat(),
            _ => [registry, "/", path].concat(),
        }
    }
}

/// Whether the first part of a name is a registry: it has a dot, a port or a capital letter, or is
/// `localhost`.
fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.contains(|c: char| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_is_split_into_its_parts() {
        for (reference, name, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1", "nginx", Some("1"), None),
            ("reg:5000/a/nginx", "reg:5000/a/nginx", None, None),
            ("reg:5000/nginx:1", "reg:5000/nginx", Some("1"), None),
            ("a@sha256:0", "a", None, Some("sha256:0")),
            ("a.b/c:1@sha256:0", "a.b/c", Some("1"), Some("sha256:0")),
            ("", "", None, None),
            (":", "", Some(""), None),
            ("a/", "a/", None, None),
            ("é:ü", "é", Some("ü"), None),
        ] {
            let image = Image::parse(reference);
            assert_eq!(
                (image.name, image.tag, image.digest),
                (name, tag, digest),
                "{reference}"
            );
        }
    }

    #[test]
    fn short_name_is_of_docker_hub() {
        for (reference, repository) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1@sha256:0", "docker.io/library/nginx"),
            ("grafana/grafana:12", "docker.io/grafana/grafana"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx", "docker.io/library/nginx"),
            ("ghcr.io/acme/web:1", "ghcr.io/acme/web"),
            ("localhost/web", "localhost/web"),
            ("localhost:5000/web", "localhost:5000/web"),
            ("docker.io.evil.org/nginx", "docker.io.evil.org/nginx"),
            ("acme.evil/docker.io/nginx", "acme.evil/docker.io/nginx"),
        ] {
            assert_eq!(
                Image::parse(reference).repository(),
                repository,
                "{reference}"
            );
        }
    }

    #[test]
    fn pulled_tag_is_latest_where_nothing_is_written() {
        for (reference, tag) in [
            ("nginx", Some("latest")),
            ("nginx:1", Some("1")),
            ("nginx@sha256:0", None),
            ("nginx:1@sha256:0", None),
        ] {
            assert_eq!(Image::parse(reference).pulled_tag(), tag, "{reference}");
        }
    }
}
