//! The value of a sample, including those that JSON numbers cannot express.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, or `NaN`, `+Inf` or `-Inf` as Prometheus writes them.
///
/// Two `NaN` are equal: the comparison is for files, not for measurements.
#[derive(Clone, Copy, Debug)]
pub struct MetricValue(pub f64);

impl PartialEq for MetricValue {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Eq for MetricValue {}

impl Serialize for MetricValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("+Inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-Inf"),
            value => match whole(value) {
                Some(number) => serializer.serialize_i64(number),
                None => serializer.serialize_f64(value),
            },
        }
    }
}

/// Returns the integer that this is, except for a negative zero.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = value.fract() == 0.0 && value.abs() <= EXACT;
    let negative_zero = value == 0.0 && value.is_sign_negative();
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    let number = value as i64;
    (whole && !negative_zero).then_some(number)
}

impl<'de> Deserialize<'de> for MetricValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = MetricValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, NaN, +Inf or -Inf")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<MetricValue, E> {
        Ok(MetricValue(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample is a double, as in Prometheus"
    )]
    fn visit_u64<E: Error>(self, value: u64) -> Result<MetricValue, E> {
        Ok(MetricValue(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample is a double, as in Prometheus"
    )]
    fn visit_i64<E: Error>(self, value: i64) -> Result<MetricValue, E> {
        Ok(MetricValue(value as f64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MetricValue, E> {
        match text {
            "NaN" => Ok(MetricValue(f64::NAN)),
            "+Inf" | "Inf" => Ok(MetricValue(f64::INFINITY)),
            "-Inf" => Ok(MetricValue(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

impl JsonSchema for MetricValue {
    fn schema_name() -> Cow<'static, str> {
        "MetricValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or NaN, +Inf or -Inf.",
            "anyOf": [{ "type": "number" }, { "enum": ["NaN", "+Inf", "Inf", "-Inf"] }],
        })
    }
}
