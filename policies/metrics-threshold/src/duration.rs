//! Durations in settings.

use rollgate_sdk::jiff::SignedDuration;

/// Parses `10m`, `1h 30m` or `90s`.
pub(crate) fn parse(text: &str) -> Result<SignedDuration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    parsed
        .filter(|duration| {
            *duration >= SignedDuration::from_secs(1) && duration.subsec_nanos() == 0
        })
        .ok_or_else(|| {
            format!("`{text}` is no duration of whole seconds; write 10m, 1h 30m or 90s")
        })
}
