//! Durations in settings and messages, such as `1h 30m`.

use jiff::SignedDuration;

/// Parses `10m`, `1h 30m`, `90s` or `2d`, a day being 24 hours: whole seconds, at least one.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn parse(text: &str) -> Result<SignedDuration, String> {
    let parsed = days_and_rest(text).or_else(|| text.parse().ok());
    parsed
        .filter(|duration| {
            *duration >= SignedDuration::from_secs(1) && duration.subsec_nanos() == 0
        })
        .ok_or_else(|| {
            format!("`{text}` is no duration of whole seconds; write 10m, 1h 30m or 90s")
        })
}

fn days_and_rest(text: &str) -> Option<SignedDuration> {
    let (days, rest) = text.split_once('d')?;
    let days: u16 = days.trim().parse().ok()?;
    let rest = match rest.trim() {
        "" => SignedDuration::ZERO,
        rest => rest.parse().ok()?,
    };
    SignedDuration::from_hours(24 * i64::from(days)).checked_add(rest)
}

/// Formats whole seconds: `1h 30m`, `2d 4h`, `90s` as `1m 30s`.
///
/// ```
/// use rollgate_sdk::{duration, jiff::SignedDuration};
///
/// assert_eq!(duration::show(SignedDuration::from_secs(5_400)), "1h 30m");
/// assert_eq!(duration::show(SignedDuration::ZERO), "0s");
/// ```
#[must_use]
pub fn show(duration: SignedDuration) -> String {
    let mut rest = duration.as_secs().unsigned_abs();
    let mut shown = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(&count.to_string());
            shown.push_str(unit);
        }
    }
    if shown.is_empty() {
        shown.push_str("0s");
    }
    shown
}
