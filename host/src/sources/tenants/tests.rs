use super::*;

fn access(json: &str) -> Result<TenantAccess, SourceError> {
    let more = json.strip_prefix('{').expect("an object");
    let spec = format!(r#"{{"prometheus": {{"url": "http://prometheus:9090"}}, {more}"#);
    let spec = serde_json::from_str(&spec).expect("a spec");
    TenantAccess::new("prod", &spec)
}

fn open(json: &str) -> TenantAccess {
    access(json).expect("a valid spec")
}

/// What is sent for a query of the namespace `shop`.
async fn sent(access: &TenantAccess, query: &str) -> Result<String, String> {
    let prepared = access.prepare("shop", query).await;
    prepared
        .map(|query| query.to_string())
        .map_err(|error| error.message)
}

const MATCHERS: &str =
    r#"{"namespaces": ["*"], "matchers": ["namespace=\"${namespace}\"", "env=\"prod\""]}"#;

#[tokio::test]
async fn source_that_names_no_namespace_is_closed_to_all() {
    let spec = r#"{"prometheus": {"url": "http://prometheus:9090"}}"#;
    let spec = serde_json::from_str(spec).expect("a spec");
    let access = TenantAccess::new("prod", &spec).expect("a valid spec");
    let error = access.prepare("shop", "up").await.unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::NotGranted);
    assert!(
        error.message.contains("add it to `spec.namespaces`"),
        "{error}"
    );
}

#[tokio::test]
async fn source_is_open_to_the_namespaces_that_it_names() {
    let access = open(r#"{"namespaces": ["shop"]}"#);
    assert_eq!(sent(&access, "up").await.as_deref(), Ok("up"));
    let error = access.prepare("bank", "up").await.unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::NotGranted);
    let all = open(r#"{"namespaces": ["*"]}"#);
    assert!(all.prepare("bank", "up").await.is_ok());
}

#[tokio::test]
async fn matchers_are_put_into_every_selector() {
    let access = open(MATCHERS);
    let query = r#"sum(rate(errors{app="cart"}[5m])) / on () sum(requests)"#;
    assert_eq!(
        sent(&access, query).await.as_deref(),
        Ok(
            r#"sum(rate(errors{app="cart",env="prod",namespace="shop"}[5m])) / on () sum(requests{env="prod",namespace="shop"})"#
        )
    );
}

#[tokio::test]
async fn query_that_cannot_be_restricted_is_a_bad_query_with_the_reason() {
    let access = open(MATCHERS);
    for (query, reason) in [
        ("sum(", "it is not valid PromQL"),
        (
            "info(up)",
            "info() reads series besides those of its selectors",
        ),
        (r#"{a="b" or c="d"}"#, "has an `or` inside its braces"),
    ] {
        let error = access.prepare("shop", query).await.unwrap_err();
        assert_eq!(error.code, MetricsErrorCode::BadQuery, "{query}");
        let shown = format!("metrics source \"prod\" cannot make the query `{query}`");
        assert!(error.message.starts_with(&shown), "{error}");
        assert!(error.message.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn named_query_is_asked_for_by_its_name_and_nothing_else_is() {
    let access = open(
        r#"{"namespaces": ["shop"], "queries": {"errors": "sum(errors{namespace=\"${namespace}\",app=~\"${namespace}-.*\"}) / 2", "up": "up"}}"#,
    );
    assert_eq!(
        sent(&access, "errors").await.as_deref(),
        Ok(r#"sum(errors{app=~"shop-.*",namespace="shop"}) / 2"#)
    );
    let error = sent(&access, "bank_balance").await.unwrap_err();
    assert_eq!(
        error,
        "metrics source \"prod\" has no query named `bank_balance`; a policy of a namespace asks it for a query by name: errors, up"
    );
}

#[tokio::test]
async fn name_comes_first_if_there_are_both_queries_and_matchers() {
    let access = open(
        r#"{"namespaces": ["shop"], "matchers": ["namespace=\"${namespace}\""], "queries": {"up": "count(up)"}}"#,
    );
    assert_eq!(sent(&access, "up").await.as_deref(), Ok("count(up)"));
    assert_eq!(
        sent(&access, "up + 1").await.as_deref(),
        Ok(r#"up{namespace="shop"} + 1"#)
    );
}

#[tokio::test]
async fn nothing_is_put_into_a_query_that_is_no_namespace() {
    let access = open(MATCHERS);
    for namespace in ["\"} or {a=\"", "shop|bank", ".*", "", "Shop"] {
        let error = access.prepare(namespace, "up").await.unwrap_err();
        assert!(error.message.contains("is no namespace"), "{error}");
    }
}

#[test]
fn mistake_in_a_source_is_told_at_its_field() {
    for (json, pointer, message) in [
        (
            r#"{"namespaces": ["Shop"]}"#,
            "/spec/namespaces/0",
            "`Shop` is no namespace",
        ),
        (
            r#"{"matchers": ["namespace=\"${namespace}\""]}"#,
            "/spec/matchers",
            "add `namespaces`",
        ),
        (
            r#"{"queries": {"up": "up"}}"#,
            "/spec/queries",
            "add `namespaces`",
        ),
        (
            r#"{"namespaces": ["*"], "matchers": ["env=\"prod\""]}"#,
            "/spec/matchers",
            "none has `${namespace}` in it",
        ),
        (
            r#"{"namespaces": ["*"], "matchers": ["a=\"${namespace}\"", "{b=\"c\"}"]}"#,
            "/spec/matchers/1",
            "it is no label matcher: write one as `namespace=\"${namespace}\"`",
        ),
        (
            r#"{"namespaces": ["*"], "matchers": ["namespace!=\"${namespace}\""]}"#,
            "/spec/matchers/0",
            "compare with `=` or `=~`",
        ),
        (
            r#"{"namespaces": ["*"], "matchers": ["__name__=\"${namespace}\""]}"#,
            "/spec/matchers/0",
            "name a label",
        ),
        (
            r#"{"namespaces": ["*"], "queries": {"error/ratio": "up"}}"#,
            "/spec/queries/error~1ratio",
            "is no name of a query",
        ),
        (
            r#"{"namespaces": ["*"], "queries": {"errors": "sum(up"}}"#,
            "/spec/queries/errors",
            "it is not valid PromQL: unclosed left parenthesis",
        ),
    ] {
        let error = access(json).expect_err(json);
        assert_eq!(error.pointer, pointer, "{error}");
        assert!(error.message.contains(message), "{error}");
    }
}

#[test]
fn matcher_is_one_comparison_of_a_label() {
    for text in [
        "",
        "namespace",
        "a=\"${namespace}\",b=\"c\"",
        "a=\"${namespace}\" or b=\"c\"",
        "a=\"${namespace}\"} or {b=\"c\"",
        "a=\"${namespace}\"}[5m",
        "a=\"${namespace}\"} offset 5m #",
        "\"up\"",
        "or=\"${namespace}\"",
    ] {
        let matchers = [text.to_owned()];
        assert!(super::matchers(&matchers).is_err(), "{text}");
    }
}
