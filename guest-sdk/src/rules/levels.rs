//! The levels of rules.

use super::names::Word;
use super::{RuleInfo, Rules};
use crate::Severity;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, json};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// What happens when a rule finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rollout is denied.
    Deny,
    /// The rollout is allowed, with a warning.
    Warn,
    /// The rollout is allowed; the finding is recorded.
    Info,
    /// The rule is not applied. (Not named `off`, which YAML reads as `false`.)
    Ignore,
}

impl Level {
    /// Returns the severity of a finding at this level; `None` when the rule is not applied.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Deny => Some(Severity::Deny),
            Self::Warn => Some(Severity::Warn),
            Self::Info => Some(Severity::Info),
            Self::Ignore => None,
        }
    }

    /// Returns the word of the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.severity().map_or("ignore", Severity::as_str)
    }
}

/// The level of each rule: a mapping of names to levels in the settings. A rule that the settings
/// do not name has its default level.
#[derive(Clone, Debug)]
pub struct Levels<R> {
    levels: Vec<Level>,
    rules: PhantomData<R>,
}

impl<R: Rules> Levels<R> {
    /// Returns the level of this rule.
    #[must_use]
    pub fn of(&self, rule: R) -> Level {
        self.levels[rule.index()]
    }
}

impl<R: Rules> Default for Levels<R> {
    fn default() -> Self {
        Self::from_levels(R::TABLE.iter().map(|rule| rule.level).collect())
    }
}

impl<R> Levels<R> {
    const fn from_levels(levels: Vec<Level>) -> Self {
        Self {
            levels,
            rules: PhantomData,
        }
    }
}

impl<'de, R: Rules> Deserialize<'de> for Levels<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = LevelsVisitor {
            names: R::NAMES,
            levels: Self::default().levels,
        };
        let levels = deserializer.deserialize_struct("Levels", R::NAMES, visitor)?;
        Ok(Self::from_levels(levels))
    }
}

struct LevelsVisitor {
    names: &'static [&'static str],
    levels: Vec<Level>,
}

impl<'de> Visitor<'de> for LevelsVisitor {
    type Value = Vec<Level>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Vec<Level>, A::Error> {
        while let Some(index) = map.next_key_seed(Word::Field(self.names))? {
            self.levels[index] = map.next_value()?;
        }
        Ok(self.levels)
    }
}

impl<R: Rules> JsonSchema for Levels<R> {
    fn schema_name() -> Cow<'static, str> {
        "Levels".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        levels_schema(R::NAMES, R::TABLE, &generator.subschema_for::<Level>())
    }
}

fn levels_schema(names: &[&str], table: &[RuleInfo], level: &Schema) -> Schema {
    let property = |rule: &RuleInfo| {
        let mut property = level.clone();
        property.insert("description".to_owned(), rule.finds.trim_start().into());
        property.insert("default".to_owned(), rule.level.as_str().into());
        property.to_value()
    };
    let named = names.iter().zip(table);
    let properties: Map<_, _> = named
        .map(|(name, rule)| ((*name).to_owned(), property(rule)))
        .collect();
    let schema = json!({
        "description": "The level of each rule.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    schema.try_into().unwrap_or_default()
}
