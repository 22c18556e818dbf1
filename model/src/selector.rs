//! Label selectors in kubectl's syntax, as parsed by `labels.Parse` of `k8s.io/apimachinery`:
//! `a=b,c!=d,e in (x,y),f notin (z),g,!h`.

mod parse;

/// Requirements on labels, which must all be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// The error for a text that is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the label selector `{selector}` cannot be read at `{rest}`: expected {expected}")]
pub struct SelectorError {
    /// The whole selector.
    pub selector: String,
    /// The rest of the text where parsing failed; empty at the end.
    pub rest: String,
    /// What was expected there.
    pub expected: &'static str,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Exists,
    Absent,
    In(Vec<String>),
    /// Also met where the label is absent.
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Whether an object with these labels is selected. `label` returns the value of a label.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.rule.holds(label(&requirement.key)))
    }
}

impl Rule {
    fn holds(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => label.is_some(),
            Self::Absent => label.is_none(),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                label.is_none_or(|label| values.iter().all(|value| value != label))
            }
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector: LabelSelector = selector.parse().expect("a sound selector");
        selector.matches(|key| {
            labels
                .iter()
                .find(|label| label.0 == key)
                .map(|label| label.1)
        })
    }

    #[test]
    fn each_requirement_holds_as_kubectl_says() {
        let labels = [
            ("app", "shop"),
            ("tier", "web"),
            ("rank", "7"),
            ("x.y/z", ""),
        ];
        for selector in [
            "",
            " ",
            "app=shop",
            "app==shop",
            "app = shop , tier=web",
            "app!=cart",
            "gone!=x",
            "app in (cart, shop)",
            "app notin (cart)",
            "gone notin (cart)",
            "app",
            "!gone",
            "! gone",
            "rank>6",
            "rank<8",
            "x.y/z",
            "x.y/z=",
            "x.y/z in ()",
            "gone!=",
            "app in (shop),!gone,tier",
        ] {
            assert!(selects(selector, &labels), "{selector} should select");
        }
        for selector in [
            "app=cart",
            "app!=shop",
            "app in (cart)",
            "app notin (cart,shop)",
            "gone",
            "!app",
            "rank>7",
            "rank<7",
            "app>1",
            "gone=",
            "app,gone",
            "gone in ()",
        ] {
            assert!(!selects(selector, &labels), "{selector} should not select");
        }
    }

    #[test]
    fn a_broken_selector_is_refused_where_it_breaks() {
        for (selector, rest) in [
            ("=b", "=b"),
            ("a=b,", ""),
            ("a,,b", ",b"),
            ("a in x", "x"),
            ("a in (x", ""),
            ("a in (x y)", "y)"),
            ("a=b c", "c"),
            ("a>x", "x"),
            ("!", ""),
            ("!a=b", "=b"),
            ("a=b=c", "=c"),
        ] {
            let error = selector.parse::<LabelSelector>().expect_err(selector);
            assert_eq!(error.rest, rest, "{error}");
        }
    }

    #[test]
    fn words_that_are_operators_elsewhere_are_labels_and_values_too() {
        assert!(selects("in in (notin)", &[("in", "notin")]));
        assert!(selects("notin=in", &[("notin", "in")]));
        assert!(selects("in", &[("in", "")]));
    }
}
