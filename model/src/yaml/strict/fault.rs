//! What a type's deserialization complains of, kept in its parts.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A field that the type does not have.
    UnknownField {
        /// The field.
        field: String,
        /// The fields there are.
        known: &'static [&'static str],
    },
    /// A field that must be there.
    MissingField(&'static str),
    /// A word that is none of those allowed.
    UnknownWord {
        /// The word.
        word: String,
        /// The words allowed.
        known: Vec<&'static str>,
    },
    /// A value of another type.
    WrongType {
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// Anything else, in the words of the type.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { field, known } => {
                write!(
                    f,
                    "there is no field `{field}` here{}",
                    Advice { word: field, known }
                )
            }
            Self::MissingField(field) => write!(f, "the field `{field}` is missing"),
            Self::UnknownWord { word, known } => {
                write!(f, "`{word}` is not allowed here{}", Advice { word, known })
            }
            Self::WrongType { found, expected } => write!(f, "expected {expected}, found {found}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// The closest of the known words, or all of them.
struct Advice<'a> {
    word: &'a str,
    known: &'a [&'static str],
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.to_lowercase();
        let distance = |known: &&str| strsim::damerau_levenshtein(&word, &known.to_lowercase());
        let closest = self
            .known
            .iter()
            .map(|known| (distance(known), known))
            .min();
        match closest {
            None => Ok(()),
            Some((distance, known)) if distance <= 1 + known.len() / 4 => {
                write!(f, "; did you mean `{known}`?")
            }
            Some(_) => write!(f, "; known are `{}`", self.known.join("`, `")),
        }
    }
}

/// A problem on its way up, with its place once that is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) problem: Problem,
    pub(super) pointer: Option<String>,
}

impl Fault {
    fn new(problem: Problem) -> Self {
        Self {
            problem,
            pointer: None,
        }
    }

    pub(super) fn wrong(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, expected) = (describe(found), expected.to_string());
        Self::new(Problem::WrongType { found, expected })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownField {
            field: field.into(),
            known,
        })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownWord {
            word: word.into(),
            known: known.to_vec(),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::MissingField(field))
    }
}

/// What stands there, in the words of YAML.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Bool(flag) => format!("the boolean `{flag}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => format!("the string \"{}\"", shortened(text)),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        other => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = text.escape_debug().take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        shown + "…"
    } else {
        shown
    }
}
