//! Reads the names of rules, from one table for all rules of a policy. Derived code would repeat
//! itself for each rule, and be the larger part of a small module.

use super::Rules;
use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, VariantAccess, Visitor};
use serde_json::json;
use std::fmt;

/// Reads a rule by its name. Called by the expansion of `rules!`.
///
/// # Errors
/// The name is not one of this policy's rules.
pub fn read_rule<'de, R: Rules, D: Deserializer<'de>>(deserializer: D) -> Result<R, D::Error> {
    let index = deserializer.deserialize_enum("Rule", R::NAMES, RuleName(R::NAMES))?;
    Ok(R::ALL[index])
}

/// Returns the schema of a rule's name. Called by the expansion of `rules!`.
#[must_use]
pub fn rule_schema(names: &[&str]) -> schemars::Schema {
    let schema = json!({"description": "A rule.", "type": "string", "enum": names});
    schema.try_into().unwrap_or_default()
}

/// Reads one of these names as its position: the whole value.
struct RuleName(&'static [&'static str]);

impl<'de> Visitor<'de> for RuleName {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a rule")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<usize, A::Error> {
        let (index, variant) = data.variant_seed(Word::Value(self.0))?;
        variant.unit_variant()?;
        Ok(index)
    }
}

/// Reads one of these names as its position.
#[derive(Clone, Copy)]
pub(super) enum Word {
    /// A field of a mapping.
    Field(&'static [&'static str]),
    /// A value by itself.
    Value(&'static [&'static str]),
}

impl<'de> DeserializeSeed<'de> for Word {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Word {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a rule")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let (Self::Field(names) | Self::Value(names)) = self;
        let found = names.iter().position(|known| *known == name);
        found.ok_or_else(|| match self {
            Self::Field(_) => E::unknown_field(name, names),
            Self::Value(_) => E::unknown_variant(name, names),
        })
    }
}
