//! PromQL templates: `${name}` is replaced by a value that can never change the structure of the
//! query.

/// A PromQL expression with variables such as `${namespace}` in its string literals.
///
/// A value is escaped for the quotes around it and, after `=~` and `!~`, also for the regular
/// expression, so that it matches literally. `$${` is a literal `${`. The value of a *pattern*
/// variable is a regular expression of the policy, which is not escaped; see
/// [`QueryTemplate::parse_with_patterns`].
///
/// ```
/// use rollgate_sdk::template::QueryTemplate;
///
/// let text = r#"up{namespace="${namespace}", pod=~"${name}-.*"}"#;
/// let template = QueryTemplate::parse(text, &["namespace", "name"])?;
/// let query = template.render(|variable| match variable {
///     "namespace" => Ok(r#"x"} or vector(1) #"#.to_owned()),
///     name => Err(format!("{name} is not known")),
/// });
/// assert_eq!(query, Err("name is not known".to_owned()));
///
/// let query: Result<_, ()> = template.render(|v| Ok(if v == "name" { "a.b" } else { "x\"y" }.to_owned()));
/// assert_eq!(query.as_deref(), Ok(r#"up{namespace="x\"y", pod=~"a\\.b-.*"}"#));
/// # Ok::<(), rollgate_sdk::template::TemplateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable {
        name: String,
        literal: Literal,
        value: ValueOf,
    },
}

/// The kind of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueOf {
    Text,
    Pattern,
}

/// The string literal that a variable is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Literal {
    quote: char,
    read_as: ReadAs,
}

/// How Prometheus interprets a string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadAs {
    Text,
    /// After `=~` or `!~`.
    Regex,
}

/// What is wrong with a template. Report it as a settings error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// `${` without `}`.
    Unclosed,
    /// A string literal does not end.
    UnclosedString,
    /// The template uses an unknown variable.
    Unknown {
        /// The variable's name as written.
        name: String,
        /// The known variables, for people.
        known: String,
    },
    /// A variable is in a place where its value cannot be escaped: outside of quotes, or in
    /// backticks.
    NotQuoted {
        /// The variable's name.
        name: String,
    },
    /// A pattern variable is not after `=~` or `!~`.
    NotMatched {
        /// The variable's name.
        name: String,
    },
}

/// The variables that a template may use.
#[derive(Clone, Copy)]
struct Known<'a> {
    texts: &'a [&'a str],
    patterns: &'a [&'a str],
}

impl QueryTemplate {
    /// Parses a template that may use the `known` variables. Call it in
    /// [`Policy::new`](crate::Policy::new), so that a mistake is a settings error.
    ///
    /// # Errors
    /// The template has an unknown variable, or one whose value could change the structure of the
    /// query.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, TemplateError> {
        Self::parse_with_patterns(text, known, &[])
    }

    /// Parses a template that may also use `patterns`: variables whose values are regular
    /// expressions. They are allowed after `=~` and `!~` only.
    ///
    /// The value of a pattern is inserted without escaping its syntax. So put alternatives in
    /// parentheses, and escape input from elsewhere with [`escape_regex`].
    ///
    /// # Errors
    /// The template has an unknown variable, or one whose value could change the structure of the
    /// query.
    pub fn parse_with_patterns(
        text: &str,
        known: &[&str],
        patterns: &[&str],
    ) -> Result<Self, TemplateError> {
        let known = Known {
            texts: known,
            patterns,
        };
        let mut parser = Parser {
            rest: text,
            text: String::new(),
            parts: Vec::new(),
            within: Within::Code,
        };
        parser.read(known)?;
        match parser.within {
            Within::Code | Within::Comment => Ok(Self {
                parts: parser.parts,
            }),
            Within::Quotes(_) => Err(TemplateError::UnclosedString),
        }
    }

    /// Returns the names of the variables used, in order. A variable that is used twice is returned
    /// twice.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Returns the query, with each variable replaced by its escaped value.
    ///
    /// # Errors
    /// Those of `value`.
    pub fn render<E>(&self, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
        let mut query = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => query.push_str(text),
                Part::Variable {
                    name,
                    literal,
                    value: kind,
                } => {
                    let value = value(name)?;
                    match (literal.read_as, kind) {
                        (ReadAs::Regex, ValueOf::Text) => {
                            literal.push(&mut query, &escape_regex(&value));
                        }
                        (ReadAs::Text, _) | (_, ValueOf::Pattern) => {
                            literal.push(&mut query, &value);
                        }
                    }
                }
            }
        }
        Ok(query)
    }
}

/// The state of the parser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Comment,
    Quotes(Literal),
}

struct Parser<'a> {
    rest: &'a str,
    text: String,
    parts: Vec<Part>,
    within: Within,
}

impl Parser<'_> {
    fn read(&mut self, known: Known<'_>) -> Result<(), TemplateError> {
        while let Some(c) = self.rest.chars().next() {
            if self.rest.starts_with("$${") {
                self.rest = &self.rest[1..];
                self.take("${".len());
            } else if self.rest.starts_with("${") {
                self.variable(known)?;
            } else {
                self.step(c);
            }
        }
        self.flush();
        Ok(())
    }

    /// Appends `bytes` of the rest to the text, unchanged.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.text.push_str(taken);
        self.rest = rest;
    }

    /// Consumes one character, or an escape sequence, and tracks where strings begin and end.
    fn step(&mut self, c: char) {
        let mut bytes = c.len_utf8();
        self.within = match (self.within, c) {
            (Within::Code, '#') => Within::Comment,
            (Within::Code, '"' | '\'' | '`') => Within::Quotes(Literal {
                quote: c,
                read_as: self.read_as(),
            }),
            (Within::Comment, '\n') => Within::Code,
            (Within::Quotes(Literal { quote, .. }), _) if c == quote => Within::Code,
            (Within::Quotes(Literal { quote, .. }), '\\') if quote != '`' => {
                bytes += self.rest[bytes..].chars().next().map_or(0, char::len_utf8);
                self.within
            }
            (within, _) => within,
        };
        self.take(bytes);
    }

    /// Determines the interpretation from the operator before the literal.
    fn read_as(&self) -> ReadAs {
        let before = self.text.trim_end();
        if before.ends_with("=~") || before.ends_with("!~") {
            ReadAs::Regex
        } else {
            ReadAs::Text
        }
    }

    fn variable(&mut self, known: Known<'_>) -> Result<(), TemplateError> {
        let (name, rest) = self.rest[2..]
            .split_once('}')
            .ok_or(TemplateError::Unclosed)?;
        let name = name.to_owned();
        let value = known.value_of(&name)?;
        let Within::Quotes(
            literal @ Literal {
                quote: '"' | '\'', ..
            },
        ) = self.within
        else {
            return Err(TemplateError::NotQuoted { name });
        };
        if value == ValueOf::Pattern && literal.read_as == ReadAs::Text {
            return Err(TemplateError::NotMatched { name });
        }
        self.rest = rest;
        self.flush();
        self.parts.push(Part::Variable {
            name,
            literal,
            value,
        });
        Ok(())
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }
}

impl Known<'_> {
    fn value_of(self, name: &str) -> Result<ValueOf, TemplateError> {
        if self.texts.contains(&name) {
            return Ok(ValueOf::Text);
        }
        if self.patterns.contains(&name) {
            return Ok(ValueOf::Pattern);
        }
        let known: Vec<_> = self.texts.iter().chain(self.patterns).copied().collect();
        Err(TemplateError::Unknown {
            name: name.to_owned(),
            known: known.join(", "),
        })
    }
}

impl Literal {
    /// Escapes a value as in Go's string literals, whose syntax PromQL uses.
    fn push(self, out: &mut String, value: &str) {
        for c in value.chars() {
            match c {
                '\\' => out.push_str(r"\\"),
                '\n' => out.push_str(r"\n"),
                _ if c == self.quote => out.extend(['\\', c]),
                _ => out.push(c),
            }
        }
    }
}

/// Returns the regular expression that matches the text literally, in RE2's syntax.
#[must_use]
pub fn escape_regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unclosed => {
                f.write_str("`${` is not closed by `}`; write `$${` for a literal `${`")
            }
            Self::UnclosedString => f.write_str("a string literal of the query does not end"),
            Self::Unknown { name, known } => {
                write!(f, "there is no variable `${{{name}}}`; there are: {known}")
            }
            Self::NotQuoted { name } => write!(
                f,
                "`${{{name}}}` must be inside double or single quotes, where its value can be escaped"
            ),
            Self::NotMatched { name } => write!(
                f,
                "`${{{name}}}` is a regular expression: it must follow `=~` or `!~`"
            ),
        }
    }
}

impl std::error::Error for TemplateError {}
