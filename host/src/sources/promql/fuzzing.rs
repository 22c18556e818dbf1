//! What a fuzzer calls.

use promql_parser::parser::Expr;
use promql_parser::util::{ExprVisitor, walk_expr};

use super::{MatcherTemplate, Query, parse};

/// Restricts a query to a namespace. Every selector of what would be sent has the matcher, and parses.
pub(crate) fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // What an operator may write as a matcher is parsed too.
    _ = MatcherTemplate::parse(text);
    let template = MatcherTemplate::parse("namespace=\"${namespace}\"").expect("it is a matcher");
    let matcher = template.fill("shop").expect("it is a namespace");
    let restricted = Query::parse(text).and_then(|query| query.restrict(&[matcher])?.render());
    let Ok(sent) = restricted else {
        return;
    };
    let tree = parse(&sent).expect("`render` has parsed it");
    _ = walk_expr(&mut AllRestricted, &tree);
}

/// Checks the selectors with the parser's own walk, which is not the one that restricts.
struct AllRestricted;

impl ExprVisitor for AllRestricted {
    type Error = ();

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return Ok(true),
        };
        let mut matchers = selector.matchers.matchers.iter();
        let has_it = matchers.any(|it| it.name == "namespace" && it.value == "shop");
        assert!(
            has_it && selector.matchers.or_matchers.is_empty(),
            "{selector}"
        );
        Ok(true)
    }
}
