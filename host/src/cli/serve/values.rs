//! Parses values of the command line.

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

/// Parses a duration above zero.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| match time {
        Duration::ZERO => Err("a duration above 0 is expected, such as 500ms or 10s".to_owned()),
        time => Ok(time),
    })
}

/// Parses a number of bytes above zero.
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
    fn size_is_above_zero() {
        assert_eq!(bytes("8M"), Ok(8_000_000));
        for text in ["", "0", "0Mi"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
