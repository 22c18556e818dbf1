//! What a type's deserialization complains of, kept in its parts.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::Misfit;
use crate::words::{self, ReadAsBoolean};

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
    /// Something else than one of the words allowed.
    NoWord {
        /// What stands there.
        found: String,
        /// Which boolean that is, if it is one: YAML makes them of `off` and `yes`.
        boolean: Option<bool>,
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
            Self::NoWord {
                found,
                boolean,
                known,
            } => {
                let read = ReadAsBoolean {
                    found: *boolean,
                    known,
                };
                let words = known.join("`, `");
                write!(f, "expected one of `{words}`, found {found}{read}")
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

    /// A value of another type, both in words.
    pub(super) fn wrong(found: Unexpected<'_>, expected: &str) -> Self {
        let advice = match found {
            Unexpected::Bool(flag) if expected.starts_with("a string") => {
                let (found, known) = (Some(flag), &[]);
                ReadAsBoolean { found, known }.to_string()
            }
            Unexpected::Str(text) if is_number(text) && expected.contains("number") => {
                "; write it without quotes".to_owned()
            }
            _ => String::new(),
        };
        Self::new(Problem::WrongType {
            found: words::found(found) + &advice,
            expected: expected.to_owned(),
        })
    }

    /// Something else than one of these words.
    pub(super) fn no_word(found: Unexpected<'_>, known: &'static [&'static str]) -> Self {
        let boolean = match found {
            Unexpected::Bool(flag) => Some(flag),
            _ => None,
        };
        Self::new(Problem::NoWord {
            found: words::found(found),
            boolean,
            known: known.to_vec(),
        })
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

impl From<Fault> for Misfit {
    fn from(fault: Fault) -> Self {
        Self {
            pointer: fault.pointer.unwrap_or_default(),
            problem: fault.problem,
        }
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
        Self::new(Problem::Other(words::other(message.to_string())))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, &words::expected(&expected.to_string()))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, &words::expected(&expected.to_string()))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Problem::WrongType {
            found: format!("{length} of them"),
            expected: words::expected(&expected.to_string()),
        })
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
