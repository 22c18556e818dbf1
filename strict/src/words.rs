//! Describes found values and expected types in the words of YAML.

use std::fmt;

use serde::de::Unexpected;

/// Describes a value that was found.
pub(crate) fn found(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Bool(flag) => format!("the boolean `{flag}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => format!("the string \"{}\"", shortened(text)),
        Unexpected::Char(letter) => format!("the string \"{}\"", letter.escape_debug()),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        // serde's name for the content of an enum's word.
        Unexpected::UnitVariant => "a word alone".into(),
        Unexpected::NewtypeVariant | Unexpected::TupleVariant | Unexpected::StructVariant => {
            "a word with a value".into()
        }
        other => other.to_string(),
    }
}

/// Describes what a type expects. Types describe it in the words of Rust, serde and the standard
/// library.
pub(crate) fn expected(text: &str) -> String {
    if let Some(number) = whole_number(text) {
        return number;
    }
    let kind = match text {
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" | "byte array" => "a list",
        "a map" => "a mapping",
        "a character" => "a single letter",
        "path string" | "str" | "string" => "a string",
        "unit" => "null",
        "variant identifier" | "variant index" | "field identifier" => "a word",
        _ => return described(text).unwrap_or_else(|| text.to_owned()),
    };
    kind.to_owned()
}

/// Describes a whole number of one of Rust's types, with its bounds.
fn whole_number(text: &str) -> Option<String> {
    let (name, is_nonzero) = match text.strip_prefix("a nonzero ") {
        Some(name) => (name, true),
        None => (text, false),
    };
    let (least, greatest): (i128, u128) = match name {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        // In settings, `usize` means a count, whatever the machine.
        "usize" => (0, u32::MAX.into()),
        "u64" => (0, u64::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        "i16" => (i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        "i32" | "isize" => (i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        "i64" => (i64::MIN.into(), i64::MAX.unsigned_abs().into()),
        "u128" | "i128" => return Some("a whole number".to_owned()),
        _ => return None,
    };
    Some(match (is_nonzero, least) {
        (true, 0) => format!("a whole number from 1 to {greatest}"),
        (true, _) => format!("a whole number other than 0, from {least} to {greatest}"),
        (false, _) => format!("a whole number from {least} to {greatest}"),
    })
}

/// Describes what serde names after the type: `struct Exception`, `tuple variant Rule::Between`.
fn described(text: &str) -> Option<String> {
    // `a tuple of size 2`, `struct Pair with 2 elements`, `an array of length 3`.
    let mut words = text.split(' ').rev();
    let count = match (words.next(), words.next()) {
        (Some("elements" | "element"), Some(count)) => count.parse::<usize>().ok(),
        (Some(count), Some("size" | "length")) => count.parse().ok(),
        _ => None,
    };
    if let Some(count) = count {
        return Some(format!("a list of {count} items"));
    }
    let lists = ["tuple struct ", "tuple variant "];
    let mappings = [
        "struct ",
        "struct variant ",
        "internally tagged enum ",
        "adjacently tagged enum ",
    ];
    let begins = |beginnings: &[&str]| beginnings.iter().any(|start| text.starts_with(start));
    if begins(&lists) {
        Some("a list".to_owned())
    } else if begins(&mappings) {
        Some("a mapping".to_owned())
    } else if begins(&["enum ", "variant of enum "]) {
        Some("a word, or a mapping with just one key".to_owned())
    } else if begins(&["variant index "]) {
        Some("a word".to_owned())
    } else if begins(&["unit struct ", "unit variant "]) {
        Some("null".to_owned())
    } else {
        None
    }
}

/// Rewrites other errors without Rust's words. serde reports this one as text only; if its wording
/// changes, the text is shown as it is.
pub(crate) fn other(message: String) -> String {
    if message.starts_with("data did not match any variant of untagged enum ") {
        return "this fits none of the forms that are allowed here".to_owned();
    }
    message
}

/// Explains which unquoted words YAML parses as this boolean, and suggests the one that may be
/// meant. Empty where the value is no boolean.
pub(crate) struct ReadAsBoolean<'a> {
    pub(crate) found: Option<bool>,
    pub(crate) known: &'a [&'static str],
}

impl fmt::Display for ReadAsBoolean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(flag) = self.found else {
            return Ok(());
        };
        let (spelled, shown): (&[&str], _) = if flag {
            (&["y", "yes", "true", "on"], "`on` and `yes`")
        } else {
            (&["n", "no", "false", "off"], "`off` and `no`")
        };
        write!(f, " (YAML reads {shown} so)")?;
        let known = |words: &[&str]| {
            let mut known = self.known.iter();
            known.find(|known| words.contains(&known.to_lowercase().as_str()))
        };
        // Suggests only words that are as harmless as the written one: nobody who wrote `off` meant
        // `allow`.
        let meant: &[&str] = if flag {
            &["enabled", "enable", "always"]
        } else {
            &["ignore", "disabled", "disable", "none", "never"]
        };
        if let Some(word) = known(spelled) {
            write!(f, "; for the word write \"{word}\" in quotes")
        } else if let Some(word) = known(meant) {
            write!(f, "; did you mean `{word}`?")
        } else {
            Ok(())
        }
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
