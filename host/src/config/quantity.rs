//! Parses durations and sizes, on the command line and in YAML.

use std::time::Duration;

use jiff::SignedDuration;

/// Parses a duration such as `500ms`, `2s` or `1m 30s`; `None` if it is malformed or negative.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

/// The suffixes of a Kubernetes quantity that make sense for a number of bytes.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
const SUFFIXES: [(&str, u64); 7] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("", 1),
];

/// Parses a whole number of bytes such as `16Mi`, `8M` or `4096`; `None` if it is malformed.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_may_have_a_binary_or_decimal_suffix() {
        for (text, size) in [
            ("0", 0),
            ("4096", 4096),
            ("+8Mi", 8 << 20),
            ("512Ki", 512 << 10),
            ("16Mi", 16 << 20),
            ("1Gi", 1 << 30),
            ("64k", 64_000),
            ("8M", 8_000_000),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
    }

    #[test]
    fn malformed_size_is_refused() {
        for text in [
            "",
            "Mi",
            "16 Mi",
            "-1Mi",
            "1.5Gi",
            "16MB",
            "99999999999Gi",
            "16mi",
            "1K",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn duration_has_units_and_no_sign() {
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
        for text in ["", "2", "-2s", "2 parsecs", "soon"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
