//! Versions in tags, such as `v1.4.2` or `1.25.3-alpine`.

use std::cmp::Ordering;

/// A version, as far as it can be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Version<'a> {
    numbers: Vec<u64>,
    /// What follows the numbers after a `-`, such as `alpine` or `rc.1`.
    suffix: &'a str,
}

/// Words that make a version an earlier one than that without them, in their order.
const BEFORE_RELEASE: &[&str] = &["dev", "alpha", "beta", "pre", "preview", "rc"];

/// From here on, a single number is a date or the number of a build, not a version.
const LEAST_BUILD: u64 = 1000;

impl<'a> Version<'a> {
    /// Parses a tag that starts with a number, after a `v` where it has one.
    pub(crate) fn parse(tag: &'a str) -> Option<Self> {
        let text = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        // What is built from the same version (`+` cannot stand in a tag, `_` does for it).
        let (core, suffix) = text.split_once(['-', '_', '+']).unwrap_or((text, ""));
        let numbers: Option<Vec<u64>> = core.split('.').map(number).collect();
        Some(Self {
            numbers: numbers?,
            suffix,
        })
    }

    /// Whether this is certainly an earlier version than `other`. Versions that are counted in
    /// different ways, and variants such as `alpine`, have no order.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        if self.is_build() != other.is_build() {
            return false;
        }
        match self.compare_numbers(other) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => is_before_release(self.suffix, other.suffix),
        }
    }

    fn is_build(&self) -> bool {
        matches!(self.numbers[..], [number] if number >= LEAST_BUILD)
    }

    /// Compares the numbers that both have: `1.4` is a newer or an older `1.4.2`, nobody knows.
    fn compare_numbers(&self, other: &Self) -> Ordering {
        let common = self.numbers.len().min(other.numbers.len());
        self.numbers[..common].cmp(&other.numbers[..common])
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Compares the suffixes of two versions with the same numbers.
fn is_before_release(suffix: &str, other: &str) -> bool {
    let (Some((word, count)), other) = (before_release(suffix), before_release(other)) else {
        return false;
    };
    match other {
        Some(other) => (word, count) < other,
        // `1.4.0-rc.1` is before `1.4.0` and `1.4.0-alpine`.
        None => true,
    }
}

/// Returns the place of the word among those before a release, and the number after it.
fn before_release(suffix: &str) -> Option<(usize, u64)> {
    let end = suffix
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(suffix.len());
    let (word, rest) = suffix.split_at(end);
    let place = BEFORE_RELEASE
        .iter()
        .position(|known| known.eq_ignore_ascii_case(word))?;
    let digits = rest.trim_start_matches(['.', '-']);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    Some((place, digits[..end].parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn is_before(one: &str, other: &str) -> bool {
        match (Version::parse(one), Version::parse(other)) {
            (Some(one), Some(other)) => one.is_before(&other),
            _ => false,
        }
    }

    #[test]
    fn earlier_version_is_recognized() {
        for (earlier, later) in [
            ("1.4.1", "1.4.2"),
            ("1.9.0", "1.10.0"),
            ("v1.4.2", "1.5.0"),
            ("1.25", "1.26.1"),
            ("2", "3"),
            ("2", "3.1"),
            ("1.4.0-alpine", "1.5.0-alpine"),
            ("1.4.0-alpine", "1.5.0-bookworm"),
            ("1.4.0-rc.1", "1.4.0"),
            ("1.4.0-rc1", "1.4.0-rc2"),
            ("1.4.0-rc9", "1.4.0-rc10"),
            ("1.4.0-beta.2", "1.4.0-rc.1"),
            ("20250301", "20250302"),
            ("2025.03.01", "2025.3.2"),
            ("1234", "1235"),
        ] {
            assert!(is_before(earlier, later), "{earlier} {later}");
            assert!(!is_before(later, earlier), "{later} {earlier}");
        }
    }

    #[test]
    fn versions_without_an_order_are_not_compared() {
        for (one, other) in [
            ("1.4.2", "1.4.2"),
            ("1.4", "1.4.2"),
            ("1.4.2-alpine", "1.4.2-bookworm"),
            ("1.4.2-alpine3.20", "1.4.2-alpine3.19"),
            ("1.4.2", "1.4.2-alpine"),
            ("20250301", "1.4.2"),
            ("4711", "1.0"),
            ("main", "1.4.2"),
            ("sha-0a1b2c3", "sha-1a1b2c3"),
            ("0a1b2c3", "9a1b2c3"),
            ("", "1"),
            ("v", "1"),
            ("1..2", "1.2"),
            ("99999999999999999999999", "1"),
            ("1.4.2_1", "1.4.2_2"),
        ] {
            assert!(!is_before(one, other), "{one} {other}");
            assert!(!is_before(other, one), "{other} {one}");
        }
    }
}
