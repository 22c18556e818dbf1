//! Label selectors in kubectl's syntax, as parsed by `labels.Parse` of `k8s.io/apimachinery`:
//! `a=b,c!=d,e in (x,y),f notin (z),g,!h`.

use std::str::FromStr;

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

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(selector: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser {
            selector,
            rest: selector.trim(),
        };
        if parser.rest.is_empty() {
            return Ok(Self::default());
        }
        let mut requirements = vec![parser.requirement()?];
        while !parser.rest.is_empty() {
            parser
                .symbol(",")
                .ok_or_else(|| parser.expected("a comma, or the end"))?;
            requirements.push(parser.requirement()?);
        }
        Ok(Self { requirements })
    }
}

/// The rest of a selector; it never starts with blanks.
struct Parser<'a> {
    selector: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.symbol("!").is_some();
        let key = self
            .word()
            .ok_or_else(|| self.expected("a label"))?
            .to_owned();
        let rule = if absent { Rule::Absent } else { self.rule()? };
        Ok(Requirement { key, rule })
    }

    fn rule(&mut self) -> Result<Rule, SelectorError> {
        if self.symbol("!=").is_some() {
            return Ok(Rule::NotIn(vec![self.value()]));
        }
        if self.symbol("==").or_else(|| self.symbol("=")).is_some() {
            return Ok(Rule::In(vec![self.value()]));
        }
        if self.symbol(">").is_some() {
            return self.number().map(Rule::Above);
        }
        if self.symbol("<").is_some() {
            return self.number().map(Rule::Below);
        }
        let before = self.rest;
        match self.word() {
            None => Ok(Rule::Exists),
            Some("in") => self.values().map(Rule::In),
            Some("notin") => self.values().map(Rule::NotIn),
            Some(_) => Err(self.expected_at(before, "=, !=, in, notin, >, < or a comma")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.symbol("(")
            .ok_or_else(|| self.expected("values in parentheses"))?;
        let mut values = vec![self.value()];
        while self.symbol(",").is_some() {
            values.push(self.value());
        }
        self.symbol(")")
            .ok_or_else(|| self.expected("a comma or a closing parenthesis"))?;
        Ok(values)
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let before = self.rest;
        let number = self.word().and_then(|word| word.parse().ok());
        number.ok_or_else(|| self.expected_at(before, "a whole number"))
    }

    /// Reads a value, which may be empty.
    fn value(&mut self) -> String {
        self.word().unwrap_or_default().to_owned()
    }

    fn word(&mut self) -> Option<&'a str> {
        let ends = |c: char| c.is_whitespace() || "=!,()<>".contains(c);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn symbol(&mut self, symbol: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(symbol)?.trim_start();
        Some(())
    }

    fn expected(&self, expected: &'static str) -> SelectorError {
        self.expected_at(self.rest, expected)
    }

    fn expected_at(&self, rest: &str, expected: &'static str) -> SelectorError {
        SelectorError {
            selector: self.selector.to_owned(),
            rest: rest.trim_end().to_owned(),
            expected,
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
    fn requirements_match_as_in_kubectl() {
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
    fn invalid_selector_is_refused_with_the_rest_of_its_text() {
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
    fn operator_words_can_be_labels_and_values() {
        assert!(selects("in in (notin)", &[("in", "notin")]));
        assert!(selects("notin=in", &[("notin", "in")]));
        assert!(selects("in", &[("in", "")]));
    }
}
