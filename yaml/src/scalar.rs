//! The type and value of scalars, after `resolve` and `convertToJSONableObject` of
//! `sigs.k8s.io/yaml` (go-yaml 2.4).

use serde_json::{Number, Value};

use crate::YamlErrorKind;

/// Returns the value of an unquoted scalar without a tag.
pub(crate) fn plain(text: &str) -> Result<Value, YamlErrorKind> {
    match text.as_bytes().first() {
        None => Ok(Value::Null),
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            Ok(word(text).unwrap_or_else(|| text.into()))
        }
        Some(b'+' | b'-' | b'.' | b'0'..=b'9') => {
            number(text).map(|number| number.unwrap_or_else(|| text.into()))
        }
        Some(_) => Ok(text.into()),
    }
}

/// Returns the value of a scalar with a tag of YAML's own schema. Any other tag means a string.
pub(crate) fn tagged(text: &str, suffix: &str) -> Result<Value, YamlErrorKind> {
    let wanted = match suffix {
        "null" => "null",
        "bool" => "boolean",
        "int" => "integer",
        "float" => "number",
        "binary" => return Err(YamlErrorKind::Binary),
        _ => return Ok(text.into()),
    };
    let value = plain(text)?;
    let fits = match suffix {
        "null" => value.is_null(),
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.is_u64(),
        _ => value.is_number(),
    };
    if fits {
        Ok(value)
    } else {
        Err(YamlErrorKind::BadTag {
            text: text.into(),
            tag: wanted,
        })
    }
}

/// Returns a scalar as a key: numbers and booleans become strings.
pub(crate) fn key(value: Value) -> Result<String, YamlErrorKind> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(YamlErrorKind::UnusableKey(kind(&other))),
    }
}

/// Describes the type of a value for people.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Returns the value of a word of YAML 1.1, in the spellings that go-yaml knows.
fn word(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true.into())
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false.into())
        }
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        _ => None,
    }
}

fn number(text: &str) -> Result<Option<Value>, YamlErrorKind> {
    if is_special_float(text) {
        return Err(YamlErrorKind::NotFinite(text.into()));
    }
    let digits = if text.contains('_') {
        &text.replace('_', "")
    } else {
        text
    };
    if let Some(integer) = integer(digits) {
        return Ok(Some(integer));
    }
    if !is_float(digits) {
        return Ok(None);
    }
    let float: f64 = digits
        .parse()
        .map_err(|_| YamlErrorKind::NotFinite(text.into()))?;
    finite(float)
        .map(Some)
        .ok_or_else(|| YamlErrorKind::NotFinite(text.into()))
}

fn is_special_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Parses an integer as Go's `strconv.ParseInt(text, 0, 64)` and then `ParseUint` do: the prefix
/// decides the base, and a leading `0` means octal.
fn integer(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, base) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', b'b' | b'B', ..] => (&unsigned[2..], 2),
        [b'0', b'o' | b'O', ..] => (&unsigned[2..], 8),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if !digits
        .as_bytes()
        .first()
        .is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if text.starts_with('-') {
        0i64.checked_sub_unsigned(magnitude).map(Value::from)
    } else {
        Some(magnitude.into())
    }
}

/// Matches go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    !(whole.is_empty() && fraction.is_empty())
        && all_digits(whole)
        && all_digits(fraction)
        && exponent_fits
}

/// Returns a finite number. Go's JSON writes a float without a fraction as an integer, and so the
/// API server reads one. Beyond 2^53 not every integer is a float, and the float is kept.
fn finite(float: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Some((float as i64).into());
    }
    Number::from_f64(float).map(Value::Number)
}
