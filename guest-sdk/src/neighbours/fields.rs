//! Fields that several kinds have.

use crate::IntOrString;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

#[derive(serde::Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) namespace: String,
}

/// A PersistentVolumeClaim.
#[derive(serde::Deserialize)]
pub(super) struct Claim {
    spec: ClaimSpec,
}

#[derive(serde::Deserialize)]
struct ClaimSpec {
    #[serde(default, rename = "accessModes", deserialize_with = "or_default")]
    access_modes: Vec<String>,
}

impl Claim {
    /// Returns its access modes.
    pub(super) fn modes(self) -> Vec<String> {
        self.spec.access_modes
    }
}

/// Reads `null` as absent, as the API server does.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An IntOrString as it is written. A visitor of its own, because serde's untagged enums make
/// modules larger.
pub(super) struct Scalar(pub(super) IntOrString);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or text such as 25%")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        let number = i32::try_from(number);
        let number = number.map_err(|_| E::custom("the number is too large"))?;
        Ok(Scalar(IntOrString::Int(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(IntOrString::Text(text.to_owned())))
    }
}
