//! Limits of the host calls of a policy, the same natively and in Wasm.

use std::time::Duration;

use jiff::Timestamp;

/// The number of host calls for metrics and objects per rollout: enough for a policy with a few
/// dozen checks, and an end to a loop.
pub const LIMIT: u32 = 64;

/// Prometheus itself takes no step below a millisecond; below a second nobody scrapes.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

/// The error message after [`LIMIT`] calls.
#[must_use]
pub fn limit_message() -> String {
    format!("a policy may make {LIMIT} host calls for one rollout, and this one made more")
}

/// The error message for a policy that asks for a Secret.
pub const NO_SECRETS: &str = "Secrets are never shown to policies";

/// Whether a kind is a secret, in whatever API group: another kind of that name is meant to be
/// secret, too.
#[must_use]
pub fn is_secret(kind: &str) -> bool {
    ["secret", "secrets"].contains(&kind.to_ascii_lowercase().as_str())
}

/// Checks the start, end and step of a range query.
///
/// # Errors
/// What is wrong with the range, in words.
pub fn check_range(start: Timestamp, end: Timestamp, step: Duration) -> Result<(), String> {
    if end < start {
        return Err(format!("the range ends ({end}) before it starts ({start})"));
    }
    if step < SHORTEST_STEP {
        return Err(format!(
            "a step of {} ms is shorter than {} ms",
            step.as_millis(),
            SHORTEST_STEP.as_millis()
        ));
    }
    Ok(())
}
