//! Structured deserialization errors.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::FieldError;
use crate::words::{self, ReadAsBoolean};

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// The type has no such field.
    UnknownField {
        /// The field.
        field: String,
        /// The fields of the type.
        known: &'static [&'static str],
    },
    /// A required field is absent.
    MissingField(&'static str),
    /// A word is none of those allowed.
    UnknownWord {
        /// The word.
        word: String,
        /// The allowed words.
        known: Vec<&'static str>,
    },
    /// The value is not one of the allowed words.
    NotAWord {
        /// The value found.
        found: String,
        /// The boolean, if the value is one. YAML parses words such as `off` and `yes` as booleans.
        boolean: Option<bool>,
        /// The allowed words.
        known: Vec<&'static str>,
    },
    /// The value has another type.
    WrongType {
        /// The value found.
        found: String,
        /// The type expected.
        expected: String,
    },
    /// Any other error, in the type's own words.
    Other(String),
}

impl fmt::Display for FieldProblem {
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
            Self::NotAWord {
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

/// Suggests the closest of the known words, or lists all of them.
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

/// An error on its way up, with its path once that is known.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) problem: FieldProblem,
    pub(super) pointer: Option<String>,
}

impl Error {
    fn new(problem: FieldProblem) -> Self {
        Self {
            problem,
            pointer: None,
        }
    }

    /// A value of another type.
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
        Self::new(FieldProblem::WrongType {
            found: words::found(found) + &advice,
            expected: expected.to_owned(),
        })
    }

    /// A value that is not one of these words.
    pub(super) fn no_word(found: Unexpected<'_>, known: &'static [&'static str]) -> Self {
        let boolean = match found {
            Unexpected::Bool(flag) => Some(flag),
            _ => None,
        };
        Self::new(FieldProblem::NotAWord {
            found: words::found(found),
            boolean,
            known: known.to_vec(),
        })
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

impl From<Error> for FieldError {
    fn from(error: Error) -> Self {
        Self {
            pointer: error.pointer.unwrap_or_default(),
            problem: error.problem,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(FieldProblem::Other(words::other(message.to_string())))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, &words::expected(&expected.to_string()))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(found, &words::expected(&expected.to_string()))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(FieldProblem::WrongType {
            found: format!("{length} of them"),
            expected: words::expected(&expected.to_string()),
        })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(FieldProblem::UnknownField {
            field: field.into(),
            known,
        })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(FieldProblem::UnknownWord {
            word: word.into(),
            known: known.to_vec(),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(FieldProblem::MissingField(field))
    }
}
