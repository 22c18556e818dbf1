//! What tells one replica from another.

use std::fmt;
use std::str::FromStr;

use rand::RngExt as _;
use rand::distr::Alphanumeric;

/// The name of one replica: holds the Lease, and signs events. No two that run may share one, or
/// both would take themselves for the holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(String);

/// A field manager, which this is part of, has up to 128 characters.
const LONGEST: usize = 100;

/// Characters that make a name of a host unique.
const SUFFIX: usize = 8;

impl Identity {
    /// A fresh one that begins with the name of this host.
    #[must_use]
    pub fn of_this_host() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host
            .trim()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(LONGEST - SUFFIX - 1)
            .collect();
        let suffix: String = rand::rng()
            .sample_iter(Alphanumeric)
            .take(SUFFIX)
            .map(|byte| char::from(byte).to_ascii_lowercase())
            .collect();
        Self(format!("{host}-{suffix}"))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let sound = (1..=LONGEST).contains(&text.len())
            && text.chars().all(|character| character.is_ascii_graphic());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentityError)
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name cannot tell a replica from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a replica's name is 1 to {LONGEST} ASCII characters without space")]
pub struct IdentityError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_one_host_differ_and_both_have_usable_names() {
        let (one, other) = (Identity::of_this_host(), Identity::of_this_host());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one));
    }

    #[test]
    fn a_name_has_no_space_and_an_end() {
        assert!("rollgate-7d9f-x2x".parse::<Identity>().is_ok());
        for text in ["", "two words", "line\n", "ä", &"x".repeat(101)] {
            assert_eq!(text.parse::<Identity>(), Err(IdentityError), "{text:?}");
        }
    }
}
