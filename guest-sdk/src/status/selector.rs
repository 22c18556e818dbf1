//! Label selectors as text, in kubectl's syntax.

use crate::fields::Fields;

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

/// Returns a workload's `spec.selector` as text; `None` where it selects nothing, or has an operator
/// that is not known.
pub(super) fn text(selector: Fields<'_>) -> Option<String> {
    let labels = selector.at("matchLabels").pairs();
    let mut terms = Vec::new();
    if !labels.is_empty() {
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| (key.as_str(), value.as_str()));
        terms.push(equality_selector(labels)?);
    }
    for expression in selector.at("matchExpressions").items() {
        terms.push(term(expression)?);
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

fn term(expression: Fields<'_>) -> Option<String> {
    let key = expression.at("key").text();
    let values = || {
        let values: Vec<_> = expression.at("values").items().map(Fields::text).collect();
        values.join(",")
    };
    Some(match expression.at("operator").text() {
        "In" => [key, " in (", &values(), ")"].concat(),
        "NotIn" => [key, " notin (", &values(), ")"].concat(),
        "Exists" => key.to_owned(),
        "DoesNotExist" => ["!", key].concat(),
        _ => return None,
    })
}
