use std::time::Duration;

use super::*;
use crate::sources::{KindRef, Scope, SystemClock};

const WORLD: &str = r#"
apiVersion: rollgate.dev/v1alpha1
kind: Scenario
metadata: { name: a small shop }
now: 2026-03-02T10:00:00Z
metrics:
  - source: prod
    query: error_ratio
    samples: [{ labels: { app: cart }, value: NaN }]
  - source: prod
    query: down
    error: { code: timeout, message: too slow }
  - source: prod
    query: error_ratio
    range: { start: 2026-03-02T09:00:00Z, end: 2026-03-02T10:00:00Z, step: 30s }
    series: [{ points: [{ at: 2026-03-02T09:00:00Z, value: 0.5 }] }]
objects:
  - { apiVersion: v1, kind: ConfigMap, metadata: { namespace: shop, name: flags } }
"#;

fn world(yaml: &str) -> Sources {
    let scenario = Scenario::parse(yaml.as_bytes()).expect("a scenario");
    Sources::of_scenario(Arc::new(scenario), Arc::new(SystemClock))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const CONFIG_MAP: KindRef<'_> = KindRef {
    api_version: "v1",
    kind: "ConfigMap",
};
const FLAGS: ObjectRef<'_> = ObjectRef {
    kind: CONFIG_MAP,
    namespace: Some("shop"),
    name: "flags",
};

#[tokio::test]
async fn clock_returns_the_now_of_the_scenario() {
    assert_eq!(world(WORLD).clock.now(), at("2026-03-02T10:00:00Z"));
}

#[tokio::test]
async fn queries_return_the_results_of_the_scenario() {
    let world = world(WORLD);
    let now = world.clock.now();
    let samples = world
        .metrics
        .query(Requester::Operator, "prod", "error_ratio", now)
        .await
        .unwrap();
    assert_eq!(samples[0].labels, [("app".to_owned(), "cart".to_owned())]);
    assert!(samples[0].value.is_nan());
    let error = world
        .metrics
        .query(Requester::Operator, "prod", "down", now)
        .await
        .unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::Timeout);
    let range = Range {
        start: at("2026-03-02T09:00:00Z"),
        end: now,
        step: Duration::from_secs(30),
    };
    let series = world
        .metrics
        .query_range(Requester::Operator, "prod", "error_ratio", range)
        .await
        .unwrap();
    assert_eq!(series[0].points[0].value, 0.5);
}

#[tokio::test]
async fn objects_are_those_of_the_scenario_alone() {
    let world = world(WORLD);
    let flags = world.cluster.get(FLAGS, Reading::Recent).await.unwrap();
    assert!(flags.contains("\"name\":\"flags\""), "{flags}");
    let other = ObjectRef {
        name: "other",
        ..FLAGS
    };
    assert_eq!(
        world
            .cluster
            .get(other, Reading::Recent)
            .await
            .unwrap_err()
            .code,
        ClusterErrorCode::NotFound
    );
    let all = ListQuery {
        kind: CONFIG_MAP,
        scope: Scope::AllNamespaces,
        label_selector: "",
    };
    assert_eq!(
        world.cluster.list(all, Reading::Recent).await.unwrap(),
        [flags]
    );
}

#[tokio::test]
async fn missing_result_prints_the_lines_to_add() {
    let empty = "{apiVersion: rollgate.dev/v1alpha1, kind: Scenario, metadata: {name: empty}}";
    let world = world(empty);
    let error = world
        .metrics
        .query(Requester::Operator, "prod", "up", Timestamp::UNIX_EPOCH)
        .await
        .unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::Unavailable);
    assert!(error.message.contains("metrics:\n"), "{error}");
    assert!(error.message.contains("query: up"), "{error}");
    let error = world.cluster.get(FLAGS, Reading::Recent).await.unwrap_err();
    assert_eq!(error.code, ClusterErrorCode::Unavailable);
    assert!(error.message.contains("objects:\n"), "{error}");
}

#[test]
fn scenario_without_now_uses_the_other_clock() {
    let empty = "{apiVersion: rollgate.dev/v1alpha1, kind: Scenario, metadata: {name: empty}}";
    let before = Timestamp::now();
    assert!(world(empty).clock.now() >= before);
}
