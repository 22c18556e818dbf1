//! Label selectors as text, in kubectl's syntax.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Returns the selector of objects that have all of these labels; `None` where one of them cannot
/// be a label, so that its text could change the selector.
#[must_use]
pub fn equality_selector<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let term = |(key, value): (&str, &str)| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let is_valid = !key.is_empty() && key.chars().all(fits) && value.chars().all(fits);
        is_valid.then(|| [key, "=", value].concat())
    };
    let terms: Option<Vec<_>> = labels.into_iter().map(term).collect();
    Some(terms?.join(","))
}

/// A workload's `spec.selector`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Selector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Expression>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selector {
    /// Returns the selector as text; `None` where it selects nothing, or has an operator that is
    /// not known.
    pub(super) fn text(&self) -> Option<String> {
        let labels = self.match_labels.iter();
        let equal = equality_selector(labels.map(|(key, value)| (key.as_str(), value.as_str())))?;
        let mut terms: Vec<String> = Some(equal)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        for expression in &self.match_expressions {
            terms.push(expression.text()?);
        }
        (!terms.is_empty()).then(|| terms.join(","))
    }
}

impl Expression {
    fn text(&self) -> Option<String> {
        let values = || self.values.join(",");
        Some(match self.operator.as_str() {
            "In" => [&self.key, " in (", &values(), ")"].concat(),
            "NotIn" => [&self.key, " notin (", &values(), ")"].concat(),
            "Exists" => self.key.clone(),
            "DoesNotExist" => ["!", &self.key].concat(),
            _ => return None,
        })
    }
}
