//! Determines the pull policy from an image's tag.

use crate::json::Value;

/// Returns `Always` for the tag `latest`, explicit or implied, and `IfNotPresent` for any other
/// image. That includes one whose name the API server cannot parse: it ignores the error here, and
/// the kubelet reports it.
pub(super) fn pull_policy(image: Option<&Value>) -> Option<Value> {
    let image = image.and_then(Value::as_str).unwrap_or_default();
    let policy = if is_latest(image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    Some(policy.into())
}

fn is_latest(image: &str) -> bool {
    let Image { path, tag, digest } = Image::parse(image);
    is_repository(path) && tag.map_or(digest.is_none(), |tag| tag == "latest")
}

/// The parts of an image's name.
struct Image<'a> {
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    fn parse(image: &'a str) -> Self {
        let (named, digest) = match image.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (image, None),
        };
        // A colon before the last slash precedes a registry's port.
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match named[last..].find(':') {
            Some(colon) => (&named[..last + colon], Some(&named[last + colon + 1..])),
            None => (named, None),
        };
        Self { path, tag, digest }
    }
}

/// Returns the tag by which an image is pulled: `latest` where it has none, `None` where it has a
/// digest.
pub(crate) fn pulled_tag(image: &str) -> Option<&str> {
    let Image { tag, digest, .. } = Image::parse(image);
    digest.is_none().then(|| tag.unwrap_or("latest"))
}

/// Whether this is a repository, with or without a registry, by the grammar of the distribution
/// project's `reference` package.
fn is_repository(name: &str) -> bool {
    let path = match name.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        _ => name,
    };
    path.split('/').all(is_component)
}

fn is_host(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|c| c.is_ascii_uppercase())
}

fn is_component(component: &str) -> bool {
    let alphanumeric =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = component.as_bytes();
    alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes
            .iter()
            .all(|b| alphanumeric(Some(b)) || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn pull_policy_depends_on_the_tag() {
        for image in [
            "nginx",
            "nginx:latest",
            "reg:5000/nginx",
            "a.b/c/d:latest",
            "nginx:latest@sha256:0",
        ] {
            assert!(is_latest(image), "{image}");
        }
        for image in [
            "nginx:1",
            "reg:5000/nginx:1",
            "nginx@sha256:0",
            "reg:5000/a@sha256:0",
        ] {
            assert!(!is_latest(image), "{image}");
        }
    }

    #[test]
    fn image_that_cannot_be_parsed_is_not_latest() {
        for image in [
            "",
            "Nginx",
            "a b",
            "{{ image }}",
            "nginx/",
            "/nginx",
            "@",
            ":",
            "é:latest",
        ] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
