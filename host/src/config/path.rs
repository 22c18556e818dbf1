//! Where in an object something stands, as Kubernetes writes it.

use std::fmt::Write;

use rollgate_model::pointer;

/// An RFC 6901 pointer as a field path, such as `spec.template.spec.containers[0].image`.
///
/// A key that is no plain word stands in brackets: `metadata.labels["app.kubernetes.io/name"]`.
#[must_use]
pub fn json_path(pointer: &str) -> String {
    let mut path = String::with_capacity(pointer.len());
    for key in pointer::tokens(pointer) {
        if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            write!(path, "[{key}]").expect("writing to a String does not fail");
        } else if is_word(&key) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key);
        } else {
            write!(path, "[{key:?}]").expect("writing to a String does not fail");
        }
    }
    path
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::json_path;

    #[test]
    fn a_pointer_becomes_a_field_path() {
        let cases = [
            ("", ""),
            ("/spec/replicas", "spec.replicas"),
            (
                "/spec/template/spec/containers/0/image",
                "spec.template.spec.containers[0].image",
            ),
            (
                "/metadata/labels/app.kubernetes.io~1name",
                "metadata.labels[\"app.kubernetes.io/name\"]",
            ),
            (
                "/metadata/annotations/a~01",
                "metadata.annotations[\"a~1\"]",
            ),
        ];
        for (pointer, path) in cases {
            assert_eq!(json_path(pointer), path);
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(json_path("/a\u{1b}[31m"), "[\"a\\u{1b}[31m\"]");
    }
}
