//! Recognizes secrets by the name of a variable and by the shape of its value.

mod names;
mod shapes;

/// Why a variable looks like a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Its name ends with a word such as `PASSWORD`.
    ByName,
    /// It is a private key.
    PrivateKey,
    /// It has the form of a token that a known service issues.
    Token,
    /// It has a password between `//` and `@`, or as a part of a connection string.
    PasswordInside,
}

impl Looks {
    /// Returns the end of a sentence about the variable.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ByName => "is a secret by its name",
            Self::PrivateKey => "is a private key",
            Self::Token => "has the form of an access token",
            Self::PasswordInside => "has a password inside",
        }
    }
}

/// Returns why a variable with a literal value looks like a secret; `None` where it does not.
#[must_use]
pub fn looks(name: &str, value: &str) -> Option<Looks> {
    let value = value.trim();
    if let Some(looks) = shapes::of(value) {
        return Some(looks);
    }
    (names::is_secret(name) && !shapes::is_harmless(value)).then_some(Looks::ByName)
}

/// Returns the value without references to other variables: `$(VAR)`, which Kubernetes expands, and
/// `${VAR}`, `{{ … }}`, `<…>` and `%VAR%`, which are filled in before.
#[must_use]
pub fn without_references(value: &str) -> String {
    let mut text = value.to_owned();
    for (open, close) in [("$(", ")"), ("${", "}"), ("{{", "}}"), ("<", ">")] {
        if text.contains(open) {
            text = without(&text, open, close);
        }
    }
    text
}

/// Returns the text without what is between two marks, and without the marks.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once(open)
        && let Some((_, after)) = inside.split_once(close)
    {
        kept.push_str(before);
        rest = after;
    }
    kept.push_str(rest);
    kept
}
