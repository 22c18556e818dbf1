//! Parses values of flags.

use std::time::Duration;

use crate::config::quantity;
use crate::telemetry::logs::Format;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    quantity::duration(text)
        .ok_or_else(|| "a duration such as 500ms, 10s or 5m is expected".to_owned())
}

/// Parses a number of bytes above zero, with the binary suffixes of Kubernetes.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    quantity::bytes(text)
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .ok_or_else(|| "a size such as 512Ki, 8Mi or 1Gi is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_has_a_binary_suffix_and_is_above_zero() {
        assert_eq!(bytes("8Mi"), Ok(8 << 20));
        assert_eq!(bytes("512Ki"), Ok(512 << 10));
        assert_eq!(bytes("100"), Ok(100));
        for text in ["", "0", "0Mi", "8M", "-1", "Mi", "99999999999Gi"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn duration_has_a_unit_and_is_not_negative() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for text in ["", "5", "-5s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
