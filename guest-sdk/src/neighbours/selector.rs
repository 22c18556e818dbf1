//! Label selectors as they are written in objects.

use super::fields::or_default;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Kubernetes' LabelSelector. All its requirements must be met; without any, it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels with these values.
    #[serde(deserialize_with = "or_default")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Requirement {
    /// The key of the label.
    pub key: String,
    /// What must be true.
    pub operator: Operator,
    /// The values, for `In` and `NotIn`.
    #[serde(default, deserialize_with = "or_default")]
    pub values: Vec<String>,
}

/// The operators of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is absent.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl LabelSelector {
    /// Returns whether an object with these labels is selected.
    #[must_use]
    pub fn selects(&self, labels: &[(String, String)]) -> bool {
        let value = |key: &str| value_of(labels, key);
        let mut pairs = self.match_labels.iter();
        pairs.all(|(key, wanted)| value(key) == Some(wanted))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.is_met(value(&requirement.key)))
    }
}

impl Requirement {
    fn is_met(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|one| one == value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// Returns the value of a label.
pub(super) fn value_of<'a>(labels: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let found = labels.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}
