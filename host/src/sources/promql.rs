//! Restricts PromQL queries to the series that carry given labels.
//!
//! A query is parsed, changed as a syntax tree and written out anew; its text is never edited. What is
//! written must parse to the same tree, or the query is refused. So the server gets no text that was not
//! checked, whatever strings, comments and escapes the query had.

mod bounds;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

use std::panic::{AssertUnwindSafe, catch_unwind};

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{T_EQL_REGEX, T_NEQ_REGEX};
use promql_parser::parser::{self, BinModifier, Expr, LabelModifier, VectorSelector};

use bounds::check_bounds;

/// Stands in matchers and named queries for the namespace of the policy that asks.
pub(super) const PLACEHOLDER: &str = "${namespace}";

/// The label that Prometheus keeps a metric's name in.
const METRIC_NAME: &str = "__name__";

/// Why a query, or a matcher, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PromqlError {
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("it has more than {0} operators, calls and parentheses: split it into several queries")]
    TooManyOperators(usize),
    #[error("its regular expressions are too large: use shorter ones with smaller repetitions")]
    LargeRegex,
    #[error("`{0}` is no duration: write whole units, such as `5m` or `1h30m`")]
    Duration(String),
    #[error("it is not valid PromQL: {0}")]
    Syntax(String),
    #[error(
        "the selector `{0}` has an `or` inside its braces, which cannot be restricted to a namespace: write two selectors with an `or` between them"
    )]
    OrMatchers(String),
    #[error(
        "info() reads series besides those of its selectors, so it cannot be restricted to a namespace: join with `* on (…) group_left (…)`"
    )]
    Info,
    #[error("a label named `{0}` is an operator to some servers, so it cannot be used here")]
    AmbiguousLabel(String),
    #[error("the part `{0}` is not known, so it cannot be restricted to a namespace")]
    UnknownPart(String),
    #[error(
        "`{0}` is no namespace, so no query can be restricted to it: a namespace has lower-case letters, digits and `-`"
    )]
    Namespace(String),
    #[error(
        "it cannot be written out again with the same meaning: write it with fewer special cases"
    )]
    Unfaithful,
    #[error("it is no label matcher: write one as `namespace=\"${{namespace}}\"`, without braces")]
    NoMatcher,
    #[error(
        "a matcher of the metric's name does not restrict a query to a namespace: name a label"
    )]
    NameMatcher,
    #[error("${{namespace}} is excluded by it: compare with `=` or `=~`")]
    Excluding,
}

/// A query within bounds, as a syntax tree.
#[derive(Clone, Debug)]
pub(super) struct Query(Expr);

impl Query {
    /// Parses a query.
    pub(super) fn parse(text: &str) -> Result<Self, PromqlError> {
        check_bounds(text)?;
        parse(text).map(Self)
    }

    /// Adds matchers to every selector. Those that the query has itself count as well.
    pub(super) fn restrict(mut self, matchers: &[Matcher]) -> Result<Self, PromqlError> {
        let mut restrict = |part: Part<'_>| {
            if let Part::Selector(selector) = part {
                selector.matchers.matchers.extend_from_slice(matchers);
            }
            Ok(())
        };
        visit(&mut self.0, &mut restrict)?;
        Ok(self)
    }

    /// Replaces the placeholder in every string and every value of a matcher.
    pub(super) fn fill(mut self, namespace: &str) -> Result<Self, PromqlError> {
        let mut fill = |part: Part<'_>| {
            match part {
                Part::Selector(selector) => {
                    for matcher in &mut selector.matchers.matchers {
                        *matcher = filled(matcher, namespace)?;
                    }
                }
                Part::Text(text) => *text = text.replace(PLACEHOLDER, namespace),
            }
            Ok(())
        };
        visit(&mut self.0, &mut fill)?;
        Ok(self)
    }

    /// Writes the query out. The text parses to the same tree, or it is an error.
    pub(super) fn render(mut self) -> Result<String, PromqlError> {
        normalize(&mut self.0)?;
        let text = self.0.to_string();
        let is_same = parse(&text).is_ok_and(|again| again == self.0);
        is_same.then_some(text).ok_or(PromqlError::Unfaithful)
    }
}

/// A label matcher that may have the placeholder in its value.
#[derive(Clone, Debug)]
pub(super) struct MatcherTemplate(Matcher);

impl MatcherTemplate {
    /// Parses a matcher such as `namespace="${namespace}"`.
    pub(super) fn parse(text: &str) -> Result<Self, PromqlError> {
        let selector = format!("{{{text}}}");
        check_bounds(&selector)?;
        // A matcher that no label fulfils too, such as `!=`, needs a metric's name beside it.
        let parsed = parse(&selector).or_else(|_| parse(&format!("up{selector}")));
        // One selector of one matcher: so the text has neither a `}` of its own nor an `or`.
        let Ok(Expr::VectorSelector(VectorSelector {
            name: _,
            matchers,
            offset: None,
            at: None,
        })) = parsed
        else {
            return Err(PromqlError::NoMatcher);
        };
        let ([matcher], []) = (
            matchers.matchers.as_slice(),
            matchers.or_matchers.as_slice(),
        ) else {
            return Err(PromqlError::NoMatcher);
        };
        if matcher.name == METRIC_NAME {
            return Err(PromqlError::NameMatcher);
        }
        check_label(&matcher.name)?;
        let template = Self(matcher.clone());
        if template.names_namespace() && matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRe(_))
        {
            return Err(PromqlError::Excluding);
        }
        Ok(template)
    }

    /// Whether the placeholder is in it.
    pub(super) fn names_namespace(&self) -> bool {
        self.0.value.contains(PLACEHOLDER)
    }

    /// Returns the matcher for a namespace.
    pub(super) fn fill(&self, namespace: &str) -> Result<Matcher, PromqlError> {
        filled(&self.0, namespace)
    }
}

/// Returns a matcher with the namespace in place of the placeholder. The name of a namespace has no
/// character with a meaning in a regular expression.
fn filled(matcher: &Matcher, namespace: &str) -> Result<Matcher, PromqlError> {
    let value = matcher.value.replace(PLACEHOLDER, namespace);
    let token = match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => {
            return Ok(Matcher::new(matcher.op.clone(), &matcher.name, &value));
        }
        MatchOp::Re(_) => T_EQL_REGEX,
        MatchOp::NotRe(_) => T_NEQ_REGEX,
    };
    Matcher::new_matcher(token, matcher.name.clone(), value).map_err(PromqlError::Syntax)
}

fn parse(text: &str) -> Result<Expr, PromqlError> {
    // The parser panics for some durations, which `check_bounds` refuses; one that it misses must not end
    // the review.
    let parsed = catch_unwind(AssertUnwindSafe(|| parser::parse(text)));
    parsed
        .map_err(|_panic| PromqlError::Syntax("the parser failed".to_owned()))?
        .map_err(PromqlError::Syntax)
}

/// A part of a query that is restricted or filled.
enum Part<'q> {
    Selector(&'q mut VectorSelector),
    Text(&'q mut String),
}

type Visitor<'v> = dyn FnMut(Part<'_>) -> Result<(), PromqlError> + 'v;

/// Visits every selector and string of a query. Refuses what may read series besides its selectors.
fn visit(expr: &mut Expr, visitor: &mut Visitor<'_>) -> Result<(), PromqlError> {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(parameter) = &mut aggregate.param {
                visit(parameter, visitor)?;
            }
            visit(&mut aggregate.expr, visitor)
        }
        Expr::Unary(unary) => visit(&mut unary.expr, visitor),
        Expr::Binary(binary) => {
            visit(&mut binary.lhs, visitor)?;
            visit(&mut binary.rhs, visitor)
        }
        Expr::Paren(paren) => visit(&mut paren.expr, visitor),
        Expr::Subquery(subquery) => visit(&mut subquery.expr, visitor),
        Expr::Call(call) if call.func.name == "info" => Err(PromqlError::Info),
        Expr::Call(call) => {
            let mut arguments = call.args.args.iter_mut();
            arguments.try_for_each(|argument| visit(argument, visitor))
        }
        Expr::VectorSelector(selector) => visit_selector(selector, visitor),
        Expr::MatrixSelector(matrix) => visit_selector(&mut matrix.vs, visitor),
        Expr::StringLiteral(literal) => visitor(Part::Text(&mut literal.val)),
        Expr::NumberLiteral(_) => Ok(()),
        Expr::Extension(extension) => {
            Err(PromqlError::UnknownPart(extension.expr.name().to_owned()))
        }
    }
}

fn visit_selector(
    selector: &mut VectorSelector,
    visitor: &mut Visitor<'_>,
) -> Result<(), PromqlError> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(PromqlError::OrMatchers(selector.to_string()));
    }
    for matcher in &selector.matchers.matchers {
        check_label(&matcher.name)?;
    }
    visitor(Part::Selector(selector))
}

/// VictoriaMetrics reads `or` inside braces as its operator.
fn check_label(name: &str) -> Result<(), PromqlError> {
    if name.eq_ignore_ascii_case("or") {
        return Err(PromqlError::AmbiguousLabel(name.to_owned()));
    }
    Ok(())
}

/// Gives a tree the form in which it is read back: matchers are written sorted, and empty groupings and
/// `ignoring ()` are not written.
fn normalize(expr: &mut Expr) -> Result<(), PromqlError> {
    match expr {
        Expr::Aggregate(aggregate) => {
            let empty = |labels: &LabelModifier| labels.is_include() && labels.labels().is_empty();
            if aggregate.modifier.as_ref().is_some_and(empty) {
                aggregate.modifier = None;
            }
            if let Some(parameter) = &mut aggregate.param {
                normalize(parameter)?;
            }
            normalize(&mut aggregate.expr)
        }
        Expr::Binary(binary) => {
            if let Some(modifier) = &mut binary.modifier {
                let empty =
                    |labels: &LabelModifier| !labels.is_include() && labels.labels().is_empty();
                if modifier.matching.as_ref().is_some_and(empty) {
                    modifier.matching = None;
                }
            }
            if binary.modifier.as_ref() == Some(&BinModifier::default()) {
                binary.modifier = None;
            }
            normalize(&mut binary.lhs)?;
            normalize(&mut binary.rhs)
        }
        Expr::Unary(unary) => normalize(&mut unary.expr),
        Expr::Paren(paren) => normalize(&mut paren.expr),
        Expr::Subquery(subquery) => normalize(&mut subquery.expr),
        Expr::Call(call) => {
            let mut arguments = call.args.args.iter_mut();
            arguments.try_for_each(|argument| normalize(argument))
        }
        Expr::VectorSelector(selector) => {
            sort(selector);
            Ok(())
        }
        Expr::MatrixSelector(matrix) => {
            sort(&mut matrix.vs);
            Ok(())
        }
        Expr::StringLiteral(_) | Expr::NumberLiteral(_) => Ok(()),
        Expr::Extension(extension) => {
            Err(PromqlError::UnknownPart(extension.expr.name().to_owned()))
        }
    }
}

fn sort(selector: &mut VectorSelector) {
    selector
        .matchers
        .matchers
        .sort_by_cached_key(ToString::to_string);
}

#[cfg(test)]
mod tests;
