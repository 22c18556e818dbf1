//! The deadline of a review, from the `timeout` parameter that the API server sends.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

/// How long the API server waits by default: `timeoutSeconds` of
/// admissionregistration.k8s.io/v1, whose largest value is 30.
const DEFAULT: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(30);

const LEAST_MARGIN: Duration = Duration::from_millis(250);
const MOST_MARGIN: Duration = Duration::from_secs(1);

/// When a request must be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// When the answer must be ready; the rest of the time is for the network.
    pub(super) answer: Instant,
    /// The last moment at which any answer still reaches the API server.
    pub(super) last: Instant,
}

impl Deadline {
    /// Computes the deadline of a request that arrived at `from`.
    pub(super) fn of(query: Option<&str>, from: Instant) -> Result<Self, BadTimeout> {
        let timeout = timeout(query)?;
        let margin = margin(timeout);
        Ok(Self {
            answer: from + timeout - margin,
            last: from + timeout - margin / 2,
        })
    }
}

/// A `timeout` that is no duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query parameter timeout={0} is not a duration above zero such as 5s or 1m30s")]
pub(super) struct BadTimeout(String);

fn timeout(query: Option<&str>) -> Result<Duration, BadTimeout> {
    let mut pairs = query.unwrap_or_default().split('&');
    let Some(text) = pairs.find_map(|pair| pair.strip_prefix("timeout=")) else {
        return Ok(DEFAULT);
    };
    let duration: SignedDuration = text.parse().map_err(|_| BadTimeout(text.to_owned()))?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration.min(LONGEST)),
        _ => Err(BadTimeout(text.to_owned())),
    }
}

/// Returns a tenth of the timeout, for the network and a busy machine: the API server counts from
/// before it connects. At least 250 ms, so that a busy scheduler does not use it up, and at most half
/// of the timeout.
fn margin(timeout: Duration) -> Duration {
    let tenth = timeout / 10;
    tenth.clamp(LEAST_MARGIN, MOST_MARGIN).min(timeout / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeout_is_parsed_as_the_api_server_writes_it() {
        let cases = [
            (None, DEFAULT),
            (Some(""), DEFAULT),
            (Some("dryRun=All"), DEFAULT),
            (Some("timeout=5s"), Duration::from_secs(5)),
            (Some("a=b&timeout=1m0s"), LONGEST),
            (Some("timeout=1.5s"), Duration::from_millis(1500)),
            (Some("timeout=250ms"), Duration::from_millis(250)),
            (Some("timeout=1h0m0s"), LONGEST),
        ];
        for (query, expected) in cases {
            assert_eq!(timeout(query), Ok(expected), "{query:?}");
        }
    }

    #[test]
    fn invalid_timeout_is_rejected_and_named() {
        for text in ["", "0s", "-5s", "5", "soon", "5s5s5s%"] {
            let error = timeout(Some(&format!("timeout={text}"))).expect_err(text);
            assert!(
                error.to_string().contains(&format!("timeout={text} ")),
                "{error}"
            );
        }
    }

    #[test]
    fn answer_is_due_before_the_last_moment_and_the_timeout() {
        let from = Instant::now();
        for (timeout, answer, last) in [
            ("200ms", 100, 150),
            ("1s", 750, 875),
            ("5s", 4500, 4750),
            ("30s", 29_000, 29_500),
        ] {
            let deadline =
                Deadline::of(Some(&format!("timeout={timeout}")), from).expect("a timeout");
            assert_eq!(
                deadline.answer - from,
                Duration::from_millis(answer),
                "{timeout}"
            );
            assert_eq!(
                deadline.last - from,
                Duration::from_millis(last),
                "{timeout}"
            );
        }
    }
}
