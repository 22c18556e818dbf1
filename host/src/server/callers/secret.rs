use std::fmt;
use std::str::FromStr;

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use subtle::ConstantTimeEq as _;

use super::ADMIT;

/// The length of a generated secret: some 256 bits.
const LENGTH: usize = 50;
/// The shortest secret: a shorter one can be guessed.
const SHORTEST: usize = 32;
/// The API server takes only names of hosts as segments of a path.
const LONGEST: usize = 250;

/// The secret after `/admit/` in the path that the API server calls. Only [`PathSecret::path`] and
/// [`PathSecret::expose`] show it.
#[derive(Clone)]
pub(crate) struct PathSecret(Box<str>);

/// Why a text is no valid secret. Does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPathSecret {
    /// It may be guessed, or is too long for a path.
    #[error("a secret has {SHORTEST} to {LONGEST} characters, found {0}")]
    Length(usize),
    /// It has characters that the API server does not take in the path of a registration.
    #[error("a secret has only small letters and digits")]
    Characters,
}

impl PathSecret {
    /// Makes one that nobody can guess.
    #[must_use]
    pub(crate) fn generate() -> Self {
        let characters = rand::rng().sample_iter(Alphanumeric).map(char::from);
        // Dropped and not made small, so that each is as likely as any other.
        let small = characters.filter(|character| !character.is_ascii_uppercase());
        Self(small.take(LENGTH).collect::<String>().into())
    }

    /// Reads the secret in a path such as [`PathSecret::path`] gives.
    #[must_use]
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let secret = path.strip_prefix(ADMIT)?.strip_prefix('/')?;
        secret.parse().ok()
    }

    /// Returns the path that the API server calls.
    #[must_use]
    pub(crate) fn path(&self) -> String {
        format!("{ADMIT}/{}", self.0)
    }

    /// Returns the secret, to store it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this text is the secret, in a time that depends on its length alone.
    pub(super) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl FromStr for PathSecret {
    type Err = BadPathSecret;

    fn from_str(text: &str) -> Result<Self, BadPathSecret> {
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !text.bytes().all(sound) {
            return Err(BadPathSecret::Characters);
        }
        if !(SHORTEST..=LONGEST).contains(&text.len()) {
            return Err(BadPathSecret::Length(text.len()));
        }
        Ok(Self(text.into()))
    }
}

impl PartialEq for PathSecret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for PathSecret {}

impl fmt::Debug for PathSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PathSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secret_is_read_back_from_its_path_and_shows_itself_nowhere_else() {
        let (one, other) = (PathSecret::generate(), PathSecret::generate());
        assert_ne!(one, other);
        assert_eq!(PathSecret::of_path(&one.path()), Some(one.clone()));
        assert!(!format!("{one:?}").contains(one.expose()));
    }

    #[test]
    fn text_that_may_be_guessed_or_would_be_encoded_is_no_secret() {
        let parse = |text: &str| text.parse::<PathSecret>().map(drop);
        assert_eq!(parse(&"a".repeat(32)), Ok(()));
        assert_eq!(parse(&"a".repeat(31)), Err(BadPathSecret::Length(31)));
        assert_eq!(parse(&"a".repeat(251)), Err(BadPathSecret::Length(251)));
        assert_eq!(parse(""), Err(BadPathSecret::Length(0)));
        for wrong in ["/", "%", "?", " ", "é", "A", "_", "-", "."] {
            let text = format!("{}{wrong}", "a".repeat(40));
            assert_eq!(parse(&text), Err(BadPathSecret::Characters), "{wrong}");
        }
        for path in ["/admit", "/admit/", "/admit/short", "/other/", ""] {
            assert_eq!(PathSecret::of_path(path), None, "{path}");
        }
    }
}
