//! Amounts of time and memory as people write them.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads a duration such as `500ms`, `2s` or `1m 30s`; `None` for what is none, or negative.
pub(super) fn duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

/// The binary and decimal suffixes of a Kubernetes quantity that make sense for memory.
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

/// Reads a whole number of bytes such as `16Mi`; `None` for what is none.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (digits, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound
        .then(|| digits.parse::<u64>().ok()?.checked_mul(*factor))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_kubernetes_reads_it() {
        assert_eq!(bytes("16Mi"), Some(16 << 20));
        assert_eq!(bytes("1G"), Some(1_000_000_000));
        assert_eq!(bytes("4096"), Some(4096));
        for text in [
            "",
            "Mi",
            "16 Mi",
            "-1Mi",
            "1.5Gi",
            "16MB",
            "99999999999Gi",
            "16mi",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_has_a_unit_and_no_sign() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
        for text in ["", "2", "-2s", "2 parsecs", "soon"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
