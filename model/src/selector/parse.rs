//! From text to requirements.

use std::str::FromStr;

use super::{LabelSelector, Requirement, Rule, SelectorError};

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(selector: &str) -> Result<Self, SelectorError> {
        let mut reader = Reader {
            selector,
            rest: selector.trim(),
        };
        if reader.rest.is_empty() {
            return Ok(Self::default());
        }
        let mut requirements = vec![reader.requirement()?];
        while !reader.rest.is_empty() {
            reader
                .symbol(",")
                .ok_or_else(|| reader.wanted("a comma, or the end"))?;
            requirements.push(reader.requirement()?);
        }
        Ok(Self { requirements })
    }
}

/// The rest of a selector; it never starts with blanks.
struct Reader<'a> {
    selector: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.symbol("!").is_some();
        let key = self
            .word()
            .ok_or_else(|| self.wanted("a label"))?
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
            Some(_) => Err(self.wanted_at(before, "=, !=, in, notin, >, < or a comma")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.symbol("(")
            .ok_or_else(|| self.wanted("values in parentheses"))?;
        let mut values = vec![self.value()];
        while self.symbol(",").is_some() {
            values.push(self.value());
        }
        self.symbol(")")
            .ok_or_else(|| self.wanted("a comma or a closing parenthesis"))?;
        Ok(values)
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let before = self.rest;
        let number = self.word().and_then(|word| word.parse().ok());
        number.ok_or_else(|| self.wanted_at(before, "a whole number"))
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

    fn wanted(&self, expected: &'static str) -> SelectorError {
        self.wanted_at(self.rest, expected)
    }

    fn wanted_at(&self, rest: &str, expected: &'static str) -> SelectorError {
        SelectorError {
            selector: self.selector.to_owned(),
            rest: rest.trim_end().to_owned(),
            expected,
        }
    }
}
