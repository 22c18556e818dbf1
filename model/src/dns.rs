//! The syntax of Kubernetes names (RFC 1123, as in `validation.IsDNS1123Label` and
//! `IsDNS1123Subdomain` of k8s.io/apimachinery).

/// Whether a text is a valid name of a namespace: 1 to 63 lowercase letters, digits and `-`, with
/// `-` at neither end.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// Whether a text is a valid name of most other objects, or of an API group: labels separated by
/// dots, 253 bytes in all. A label has no limit of its own.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(sound) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_has_one_part_and_a_maximum_length() {
        for text in ["rollgate-system", "r", "0", &"r".repeat(63)] {
            assert!(is_label(text), "{text:?}");
        }
        for text in [
            "",
            "-r",
            "r-",
            "R",
            "r.s",
            "r\ns",
            "\u{e9}",
            &"r".repeat(64),
        ] {
            assert!(!is_label(text), "{text:?}");
        }
    }

    #[test]
    fn subdomain_is_labels_separated_by_dots() {
        for text in ["cart", "apps.example.com", "0.1", &"r".repeat(253)] {
            assert!(is_subdomain(text), "{text:?}");
        }
        for text in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "a.-b",
            "a/b",
            "A.b",
            &"r".repeat(254),
        ] {
            assert!(!is_subdomain(text), "{text:?}");
        }
    }
}
