use super::*;

fn restricted(query: &str) -> Result<String, PromqlError> {
    let template = MatcherTemplate::parse("namespace=\"${namespace}\"").expect("a matcher");
    let matcher = template.fill("shop").expect("a namespace");
    Query::parse(query)?.restrict(&[matcher])?.render()
}

/// Queries, and what is sent for them: one for each kind of part, and for each way to hide a selector.
const RESTRICTED: &[(&str, &str)] = &[
    ("up", r#"up{namespace="shop"}"#),
    ("up{}", r#"up{namespace="shop"}"#),
    (
        r#"{__name__=~".+"}"#,
        r#"{__name__=~".+",namespace="shop"}"#,
    ),
    (
        r#"{"bank balance"}"#,
        r#"{__name__="bank balance",namespace="shop"}"#,
    ),
    // The tenant's own matchers stay, and both must hold.
    (
        r#"up{namespace="bank"}"#,
        r#"up{namespace="bank",namespace="shop"}"#,
    ),
    (
        r#"up{namespace!="shop",namespace=~".*"}"#,
        r#"up{namespace!="shop",namespace="shop",namespace=~".*"}"#,
    ),
    (
        r#"up{"namespace"='bank',}"#,
        r#"up{namespace="bank",namespace="shop"}"#,
    ),
    // Every place of a selector.
    (
        "sum by (job) (up)",
        r#"sum by (job) (up{namespace="shop"})"#,
    ),
    (
        "topk(scalar(secret), up)",
        r#"topk(scalar(secret{namespace="shop"}), up{namespace="shop"})"#,
    ),
    (
        "quantile(scalar(sum(secret)), up)",
        r#"quantile(scalar(sum(secret{namespace="shop"})), up{namespace="shop"})"#,
    ),
    (
        r#"count_values("v", secret)"#,
        r#"count_values("v", secret{namespace="shop"})"#,
    ),
    (
        "clamp_max(up, scalar(secret))",
        r#"clamp_max(up{namespace="shop"}, scalar(secret{namespace="shop"}))"#,
    ),
    (
        "max_over_time(rate(up[5m])[30m:1m] @ 123.5 offset -5m)",
        r#"max_over_time(rate(up{namespace="shop"}[5m])[30m:1m] @ 123.500 offset -5m)"#,
    ),
    (
        "max_over_time((-secret)[1h:])",
        r#"max_over_time((-secret{namespace="shop"})[1h:])"#,
    ),
    (
        "up[5m] @ end() offset 1h",
        r#"up{namespace="shop"}[5m] @ end() offset 1h"#,
    ),
    (
        "((up) unless on (job) -secret) or vector(1)",
        r#"((up{namespace="shop"}) unless on (job) -secret{namespace="shop"}) or vector(1)"#,
    ),
    ("absent(secret)", r#"absent(secret{namespace="shop"})"#),
    (
        r#"label_replace(secret, "namespace", "shop", "", "")"#,
        r#"label_replace(secret{namespace="shop"}, "namespace", "shop", "", "")"#,
    ),
    // Keywords as names.
    ("offset", r#"offset{namespace="shop"}"#),
    (
        "sum + on (by) by offset 5m",
        r#"sum{namespace="shop"} + on (by) by{namespace="shop"} offset 5m"#,
    ),
    // Strings, escapes and comments that look like syntax.
    (
        r#"up{a="\"} or secret{b=\""}"#,
        r#"up{a="\"} or secret{b=\"",namespace="shop"}"#,
    ),
    (
        "up{a=`\"} or secret{b=\"`}",
        r#"up{a="\"} or secret{b=\"",namespace="shop"}"#,
    ),
    ("up # {a=\"\n{b='c'}", r#"up{b="c",namespace="shop"}"#),
    (
        r#"up{a="\x22,namespace=\x22bank"}"#,
        r#"up{a="\",namespace=\"bank",namespace="shop"}"#,
    ),
    // What reads no series.
    ("1 + time()", "1 + time()"),
    (r#""text""#, r#""text""#),
];

#[test]
fn every_selector_gets_the_matcher() {
    for (query, sent) in RESTRICTED {
        assert_eq!(restricted(query).as_deref(), Ok(*sent), "{query}");
    }
}

#[test]
fn restricted_query_does_not_change_when_it_is_written_out_again() {
    for (_, sent) in RESTRICTED {
        let again = Query::parse(sent).and_then(Query::render);
        assert_eq!(again.as_deref(), Ok(*sent));
    }
}

#[test]
fn part_that_cannot_be_restricted_is_refused_by_name() {
    for (query, told) in [
        (
            r#"up{a="b" or namespace="bank"}"#,
            r#"the selector `up{a="b" or namespace="bank"}` has an `or` inside its braces"#,
        ),
        (
            r#"rate({a="b" or c="d"}[5m])"#,
            "has an `or` inside its braces",
        ),
        (
            r#"topk(scalar({a="b" or c="d"}), up)"#,
            "has an `or` inside its braces",
        ),
        ("info(up)", "info() reads series besides"),
        ("sum(info(up, {data=\"x\"}))", "info() reads series besides"),
        (r#"up{or="x"}"#, "a label named `or`"),
        (r#"up{"OR"="x"}"#, "a label named `OR`"),
        ("rollup(up[5m])", "unknown function with name 'rollup'"),
        ("WITH (x = secret) x", "not valid PromQL"),
        ("up[5m] smoothed", "not valid PromQL"),
        ("up @ -5", "cannot be written out again"),
        (
            "up * ignoring () group_left (account) secret",
            "cannot be written out again",
        ),
        ("", "not valid PromQL"),
        ("{}", "at least one non-empty matcher"),
        (r#"{namespace=~".*"}"#, "at least one non-empty matcher"),
        (r#"up{a=~"("}"#, "illegal regex"),
    ] {
        let error = restricted(query).expect_err(query).to_string();
        assert!(error.contains(told), "{query}: {error}");
    }
}

#[test]
fn query_out_of_bounds_is_refused_before_it_is_parsed() {
    let deep = |open: &str, close: &str| {
        let times = 5_000 / (open.len() + close.len());
        format!("{}up{}", open.repeat(times), close.repeat(times))
    };
    let regex = |pattern: &str| format!("up{{a=~{pattern:?}}}");
    for (query, told) in [
        ("x".repeat(17 << 10), "longer than 16384 bytes"),
        (deep("(", ")"), "more than 250 operators"),
        (deep("-", ""), "more than 250 operators"),
        (deep("sum(", ")"), "more than 250 operators"),
        (deep("up or ", ""), "more than 250 operators"),
        (deep("up + ", ""), "more than 250 operators"),
        (deep("", "[5m:]"), "more than 250 operators"),
        (regex(r"\w{1000}"), "regular expressions are too large"),
        (
            regex(r"((\w{30}){30}){30}"),
            "regular expressions are too large",
        ),
        (
            regex(&r"\pL".repeat(1000)),
            "regular expressions are too large",
        ),
        (
            r#"up{a=~"a\x7b9999}"}"#.to_owned(),
            "regular expressions are too large",
        ),
        ("up[1e30]".to_owned(), "`1e30` is no duration"),
        ("up offset 1e30".to_owned(), "`1e30` is no duration"),
        ("up offset # x\n - NaN".to_owned(), "`NaN` is no duration"),
        (
            "up offset 99999999999999999999".to_owned(),
            "is no duration",
        ),
        (
            "up[99999999999h5m]".to_owned(),
            "`99999999999h5m` is no duration",
        ),
        (
            "up > 99999999999h5m".to_owned(),
            "`99999999999h5m` is no duration",
        ),
        ("up[5m:0x7fffffffffffffff]".to_owned(), "is no duration"),
    ] {
        let error = Query::parse(&query).expect_err("refused").to_string();
        let shown: String = query.chars().take(20).collect();
        assert!(error.contains(told), "{shown}: {error}");
    }
}

#[test]
fn usual_query_is_within_bounds() {
    for query in [
        r#"histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{job=~"cart|shop",code!~"[45].."}[5m])))"#,
        r#"sum(rate(x{pod=~"cart-[0-9a-f]{8,10}-[a-z0-9]{5}"}[1h30m] offset 1w)) or on () vector(0)"#,
        "avg_over_time(up[0.5])",
    ] {
        assert!(Query::parse(query).is_ok(), "{query}");
    }
}

#[test]
fn text_of_any_bytes_is_no_panic() {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    let parts = [
        "up",
        "sum",
        "by",
        "on",
        "offset",
        "bool",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "5m",
        "1e9",
        "0x",
        "@",
        "start()",
        "=~",
        "!~",
        "=",
        "!=",
        "\"a\"",
        "'",
        "`",
        "\\",
        "\"\\x\"",
        ",",
        ":",
        "-",
        "+",
        "#",
        "\n",
        " ",
        "é",
        "\u{0}",
        "NaN",
        "Inf",
        "or",
        "group_left",
        "1.5",
        ".",
        "~",
        "rate(up[5m])",
        "{a=\"b\"}",
    ];
    for seed in 0..2_000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let length = rng.random_range(1..20);
        let query: String = (0..length)
            .map(|_| parts[rng.random_range(0..parts.len())])
            .collect();
        if let Ok(sent) = restricted(&query) {
            assert!(
                Query::parse(&sent).is_ok(),
                "seed {seed}: {query} gives {sent}"
            );
        }
    }
}
