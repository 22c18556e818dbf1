//! What policies of a namespace get from a metric source that demands a matcher, against a real
//! Prometheus: for every query, what they would get if there were no other series.

#[path = "tenants/queries.rs"]
mod queries;

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use queries::Queries;
use rollgate::sources::prometheus::DescribedIn;
use rollgate::sources::{Disconnected, Metrics, NamedMetrics, NamedSource, Requester, Secrets};
use rollgate_model::{MetricsError, MetricsErrorCode, Sample};
use rollgate_tests::prometheus::Prometheus;
use tokio::sync::OnceCell;

/// How many queries are made up.
const QUERIES: u64 = 1_500;

/// The labels of series that are not of the namespace `shop`, some of them nearly so.
const OTHERS: [&str; 6] = [
    "namespace=\"bank\",account=\"4711\"",
    "namespace=\"shop-2\"",
    "namespace=\"xshop\"",
    "namespace=\"Shop\"",
    "account=\"0815\"",
    "exported_namespace=\"shop\",account=\"12\"",
];

/// A server with the series of all namespaces, and one with those of `shop` alone.
struct Servers {
    all: Prometheus,
    shop: Prometheus,
    at: Timestamp,
}

async fn servers() -> &'static Servers {
    static SERVERS: OnceCell<Servers> = OnceCell::const_new();
    let start = async || {
        let now = Timestamp::now().as_second();
        let at = Timestamp::from_second(now - now % 60 - 3600).expect("a time of today");
        let of_shop = samples(at, &["namespace=\"shop\""]);
        let of_all = samples(at, &[&["namespace=\"shop\""], &OTHERS[..]].concat());
        let start = Prometheus::start_with_history;
        Servers {
            all: start(&of_all).await.expect("a Prometheus"),
            shop: start(&of_shop).await.expect("a Prometheus"),
            at,
        }
    };
    SERVERS.get_or_init(start).await
}

/// An hour of samples, one each minute, in the OpenMetrics text format. Each series has values of its own.
fn samples(at: Timestamp, owners: &[&str]) -> String {
    let mut text = String::new();
    for (m, metric) in queries::METRICS.iter().enumerate() {
        writeln!(text, "# TYPE {metric} gauge").expect("a String takes any text");
        for (o, owner) in owners.iter().enumerate() {
            for (a, app) in queries::APPS.iter().enumerate() {
                for minute in 0..60 {
                    let time = at - SignedDuration::from_mins(59 - minute);
                    let value = (o * 10_000 + m * 1_000 + a * 100) as i64 + minute * (1 + a as i64);
                    let labels = format!("app=\"{app}\",le=\"{}\",{owner}", a + 1);
                    writeln!(text, "{metric}{{{labels}}} {value} {}", time.as_second())
                        .expect("a String takes any text");
                }
            }
        }
    }
    text + "# EOF\n"
}

fn source(server: &Prometheus, tenants: &str) -> NamedMetrics {
    let spec = format!(
        r#"{{"prometheus": {{"url": "{}", "timeout": "30s", "maxSeries": 10000, "cacheFor": "1s"}}, {tenants}}}"#,
        server.url()
    );
    let spec = serde_json::from_str(&spec).expect("a spec");
    let secrets: Arc<dyn Secrets> = Arc::new(Disconnected);
    let source = NamedSource::new("prod", &spec, DescribedIn::File, &secrets);
    NamedMetrics::from_iter([("prod".to_owned(), source)])
}

const MATCHER: &str = r#""namespaces": ["*"], "matchers": ["namespace=\"${namespace}\""]"#;
const SHOP: Requester<'_> = Requester::Namespace("shop");

type Answer = Result<Vec<Sample>, MetricsError>;

/// Whether what the server says of an error names series of others. (An error of rollgate repeats the query.)
fn names_others(error: &MetricsError) -> bool {
    let of_server = error.message.contains("cannot evaluate the query");
    of_server
        && ["bank", "4711", "0815", "xshop", "shop-2"]
            .iter()
            .any(|it| error.message.contains(it))
}

/// Whether two answers are the same, up to the order of series and of additions.
fn is_same(one: &Answer, other: &Answer) -> bool {
    let (one, other) = match (one, other) {
        (Ok(one), Ok(other)) => (one, other),
        // Of several faults the server tells any.
        (Err(one), Err(other)) => return one.code == other.code,
        _ => return false,
    };
    let sorted = |samples: &[Sample]| {
        let mut samples = samples.to_vec();
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        samples
    };
    let close = |a: f64, b: f64| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    };
    one.len() == other.len()
        && sorted(one)
            .iter()
            .zip(sorted(other))
            .all(|(a, b)| a.labels == b.labels && close(a.value, b.value))
}

#[tokio::test]
#[ignore = "make test"]
async fn tenant_gets_what_it_would_get_if_there_were_no_other_series() {
    let servers = servers().await;
    let (all, alone) = (
        source(&servers.all, MATCHER),
        source(&servers.shop, MATCHER),
    );
    let (mut with_series, mut leaking_unrestricted, mut refused) = (0, 0, 0);
    for seed in 0..QUERIES {
        let query = Queries::new(seed).query();
        let here = all.query(SHOP, "prod", &query, servers.at).await;
        let there = alone.query(SHOP, "prod", &query, servers.at).await;
        assert!(
            is_same(&here, &there),
            "seed {seed}: {query}\nwith others: {here:?}\nalone: {there:?}"
        );
        match &here {
            Ok(samples) if !samples.is_empty() => with_series += 1,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code, MetricsErrorCode::BadQuery, "{query}: {error}");
                assert!(!names_others(error), "{query}: {error}");
                refused += 1;
            }
        }
        let whole = all
            .query(Requester::Operator, "prod", &query, servers.at)
            .await;
        let of_shop = alone
            .query(Requester::Operator, "prod", &query, servers.at)
            .await;
        if !is_same(&whole, &of_shop) {
            leaking_unrestricted += 1;
        }
    }
    println!(
        "{QUERIES} queries: {with_series} with series, {refused} refused, {leaking_unrestricted} would tell of others"
    );
    assert!(with_series > QUERIES / 3, "the queries ask for little");
    assert!(leaking_unrestricted > QUERIES / 3, "the queries try little");
}

#[tokio::test]
#[ignore = "make test"]
async fn trick_of_a_tenant_is_refused_or_tells_nothing_of_others() {
    let servers = servers().await;
    let (all, alone) = (
        source(&servers.all, MATCHER),
        source(&servers.shop, MATCHER),
    );
    for query in [
        "balance{namespace=\"bank\"}",
        "balance{namespace=~\"bank|shop\"} and on (account) balance",
        "{__name__=~\".+\",namespace!=\"shop\"}",
        "{__name__=~\".+\",account=~\".+\"}",
        "balance{account=\"4711\" or namespace=\"shop\"}",
        "topk(scalar(balance{account=\"4711\"}), balance{account=\"4711\"})",
        "label_replace(balance{account=\"4711\"}, \"namespace\", \"shop\", \"\", \"\")",
        "balance{account=\"\\\"} or balance{account=\\\"4711\"}",
        "balance{account=`\"} or balance{account=\"4711`}",
        "balance # {account=\"\n{account=\"4711\"}",
        "balance{account=\"4711\"} offset 1m",
        "balance{account=\"4711\"} @ end()",
        "max_over_time(balance{account=\"4711\"}[30m:1m])",
        "sum by (account) (balance) > 0 and on (account) balance{account=\"4711\"}",
        "balance * on (app) group_left (account) balance{account=\"4711\"}",
        "info(balance, {account=\"4711\"})",
        "count({account=~\".+\"})",
        "balance{\"namespace\"=\"bank\"}",
        "balance{account=\"4711\"}\u{0}",
        "balance{account=\"4711\"}}",
        "balance} or {account=\"4711\"",
        "balance{account=\"4711\"",
    ] {
        let here = all.query(SHOP, "prod", query, servers.at).await;
        let there = alone.query(SHOP, "prod", query, servers.at).await;
        assert!(
            is_same(&here, &there),
            "{query}\nwith others: {here:?}\nalone: {there:?}"
        );
        if let Err(error) = &here {
            assert_eq!(error.code, MetricsErrorCode::BadQuery, "{query}: {error}");
            assert!(!names_others(error), "{query}: {error}");
        }
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn named_query_of_the_operator_is_made_with_the_namespace_of_the_policy() {
    let servers = servers().await;
    let named = r#""namespaces": ["shop"], "queries": {"apps": "count(balance{namespace=\"${namespace}\"})", "all": "count(balance)"}"#;
    let all = source(&servers.all, named);
    let value = async |query| {
        let samples = all.query(SHOP, "prod", query, servers.at).await;
        samples.map(|samples| samples[0].value)
    };
    let apps = queries::APPS.len() as f64;
    assert_eq!(value("apps").await, Ok(apps));
    assert_eq!(value("all").await, Ok(apps * (1 + OTHERS.len()) as f64));
    let error = value("count(balance)").await.expect_err("no name");
    assert!(error.message.ends_with("by name: all, apps"), "{error}");
    let bank = Requester::Namespace("bank");
    let error = all.query(bank, "prod", "apps", servers.at).await;
    let error = error.expect_err("closed to it");
    assert_eq!(error.code, MetricsErrorCode::NotGranted);
}
