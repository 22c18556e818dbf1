//! What bounds the questions that a policy asks, natively as in Wasm.

use std::time::Duration;

use jiff::Timestamp;

/// Questions to metrics and the cluster for one rollout: enough for a policy with a few dozen checks,
/// and an end to a loop.
pub const CALLS: u32 = 64;

/// Prometheus itself takes no step below a millisecond; below a second nobody scrapes.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

/// What a policy is told that has asked [`CALLS`] times.
#[must_use]
pub fn spent() -> String {
    format!("a policy may ask the host {CALLS} times for one rollout, and this one did")
}

/// What a policy is told that asks for a Secret.
pub const NO_SECRETS: &str = "Secrets are never shown to policies";

/// Whether a kind is a secret. Whatever its group: what else calls itself one is meant to be one.
#[must_use]
pub fn is_secret(kind: &str) -> bool {
    ["secret", "secrets"].contains(&kind.to_ascii_lowercase().as_str())
}

/// Checks the ends and the step of a range query.
///
/// # Errors
/// In words, what is no range.
pub fn range(start: Timestamp, end: Timestamp, step: Duration) -> Result<(), String> {
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
