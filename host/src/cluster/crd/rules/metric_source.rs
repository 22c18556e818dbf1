//! Rules for metric sources.

use serde_json::json;

use super::{Rules, duration, must, text};

/// What a metric source must be.
pub(in crate::cluster::crd) fn metric_source() -> Rules {
    [tenants(), credentials(), url(), headers(), bounds()].concat()
}

fn tenants() -> Rules {
    vec![
        ("spec.namespaces", json!({"maxItems": 256})),
        (
            "spec.namespaces[]",
            text(
                63,
                "self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                "this is no namespace; name each one in full, or write `\"*\"` for all",
            ),
        ),
        ("spec.matchers", json!({"maxItems": 8})),
        (
            "spec.matchers",
            must(
                "size(self) == 0 || self.exists(matcher, matcher.contains('${namespace}'))",
                "none has `${namespace}` in it, so every namespace would see the same series: write for example `namespace=\"${namespace}\"`",
            ),
        ),
        ("spec.matchers[]", json!({"maxLength": 512})),
        ("spec.queries", json!({"maxProperties": 64})),
        (
            "spec.queries",
            must(
                "self.all(name, size(name) <= 63 && name.matches('^[a-zA-Z][a-zA-Z0-9_.-]*$'))",
                "the name of a query has letters, digits, `_`, `-` and `.`, at most 63 of them, and begins with a letter",
            ),
        ),
        ("spec.queries{}", json!({"maxLength": 16384})),
        (
            "spec",
            must(
                "has(self.namespaces) || !(has(self.matchers) || has(self.queries))",
                "`matchers` and `queries` have no effect, because the source is open to no namespace: add `namespaces`, or `namespaces: [\"*\"]` for all",
            ),
        ),
    ]
}

fn credentials() -> Rules {
    vec![
        (
            "spec.prometheus",
            must(
                "!has(self.bearerToken) || has(self.bearerToken.secret)",
                "rollgate's own files and variables are not for a MetricSource in the cluster: keep the token in a Secret of rollgate's namespace and name it by `bearerToken.secret`",
            ),
        ),
        (
            "spec.prometheus",
            must(
                "!has(self.basicAuth) || has(self.basicAuth.password.secret)",
                "rollgate's own files and variables are not for a MetricSource in the cluster: keep the password in a Secret of rollgate's namespace and name it by `basicAuth.password.secret`",
            ),
        ),
        (
            "spec.prometheus",
            must(
                "!has(self.caFile)",
                "rollgate's own files are not for a MetricSource in the cluster: write the certificates into `ca`",
            ),
        ),
        ("spec.prometheus.ca", json!({"maxLength": 65536})),
        (
            "spec.prometheus",
            must(
                "!(has(self.bearerToken) && has(self.basicAuth))",
                "bearerToken and basicAuth exclude each other: keep one",
            ),
        ),
    ]
}

fn url() -> Rules {
    vec![
        (
            "spec.prometheus.url",
            text(
                2048,
                "self.matches('^https?://') && isURL(self)",
                "it must be a URL that begins with http:// or https://; write for example http://prometheus.monitoring:9090",
            ),
        ),
        (
            "spec.prometheus.url",
            must(
                "!self.matches('^[a-z]+://[^/]*@')",
                "it holds a user or password, which everybody could read: use basicAuth",
            ),
        ),
        (
            "spec.prometheus.url",
            must("!self.matches('[?#]')", "it must end before any ? or #"),
        ),
        (
            "spec.prometheus.url",
            must(
                "!self.matches('/api/v1/*$')",
                "leave out /api/v1 at its end; rollgate adds it",
            ),
        ),
    ]
}

fn headers() -> Rules {
    vec![
        ("spec.prometheus.headers", json!({"maxProperties": 32})),
        (
            "spec.prometheus.headers",
            must(
                "self.all(name, size(name) <= 128 && !(name.lowerAscii() in ['authorization', 'proxy-authorization', 'cookie']))",
                "a credential does not belong here, where everybody could read it: use bearerToken or basicAuth",
            ),
        ),
        ("spec.prometheus.headers{}", json!({"maxLength": 1024})),
    ]
}

fn bounds() -> Rules {
    vec![
        (
            "spec.prometheus.timeout",
            duration("100ms", "30s", "it is from `100ms` to `30s`"),
        ),
        (
            "spec.prometheus.maxBytes",
            json!({"minimum": 1024, "maximum": 16 << 20}),
        ),
        (
            "spec.prometheus.maxSeries",
            json!({"minimum": 1, "maximum": 10_000}),
        ),
        (
            "spec.prometheus.cacheFor",
            duration("1s", "5m", "it is from `1s` to `5m`"),
        ),
    ]
}
