//! Kubernetes label selectors.

use std::collections::BTreeSet;

/// A label selector: all requirements must match; without any it selects everything.
///
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// A requirement for one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of these values.
    In(String, BTreeSet<String>),
    /// The label is absent, or has another value.
    NotIn(String, BTreeSet<String>),
    /// The label is present.
    Exists(String),
    /// The label is absent.
    DoesNotExist(String),
}

impl Selector {
    /// Creates a selector.
    #[must_use]
    pub(crate) fn new(requirements: Vec<Requirement>) -> Self {
        Self { requirements }
    }

    /// Whether it selects everything.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Returns the requirements.
    #[must_use]
    pub(crate) fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it selects an object with these labels.
    #[must_use]
    pub(crate) fn selects(&self, labels: &[(String, String)]) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    /// Returns the key of the label.
    #[must_use]
    pub(crate) fn key(&self) -> &str {
        let (Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::DoesNotExist(key)) =
            self;
        key
    }

    fn matches(&self, labels: &[(String, String)]) -> bool {
        let value = |key: &str| labels.iter().find(|(k, _)| k == key).map(|(_, v)| v);
        match self {
            Self::In(key, values) => value(key).is_some_and(|v| values.contains(v)),
            Self::NotIn(key, values) => value(key).is_none_or(|v| !values.contains(v)),
            Self::Exists(key) => value(key).is_some(),
            Self::DoesNotExist(key) => value(key).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn one(requirement: Requirement) -> Selector {
        Selector::new(vec![requirement])
    }

    #[test]
    fn empty_selector_selects_everything() {
        assert!(Selector::default().selects(&[]));
        assert!(Selector::default().selects(&labels(&[("app", "shop")])));
    }

    #[test]
    fn not_in_matches_an_absent_label_and_in_does_not() {
        let values = BTreeSet::from(["shop".to_owned()]);
        assert!(one(Requirement::NotIn("app".to_owned(), values.clone())).selects(&[]));
        assert!(!one(Requirement::In("app".to_owned(), values.clone())).selects(&[]));
        assert!(
            !one(Requirement::NotIn("app".to_owned(), values)).selects(&labels(&[("app", "shop")]))
        );
    }

    #[test]
    fn every_requirement_must_match() {
        let both = Selector::new(vec![
            Requirement::Exists("app".to_owned()),
            Requirement::DoesNotExist("canary".to_owned()),
        ]);
        assert!(both.selects(&labels(&[("app", "shop")])));
        assert!(!both.selects(&labels(&[("app", "shop"), ("canary", "true")])));
        assert!(!both.selects(&[]));
    }
}
