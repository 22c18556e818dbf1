use std::time::Duration;

use rollgate_model::MetricsErrorCode;

use super::*;
use crate::sources::{FixedClock, KindRef, Scope, SystemClock};

/// A world with all kinds of answers; the recorder is to reproduce it from what was asked.
const WORLD: &str = r#"
apiVersion: rollgate.dev/v1alpha1
kind: Scenario
metadata: { name: the original }
now: 2026-03-02T10:00:00Z
metrics:
  - source: prod
    query: error_ratio
    samples: [{ labels: { app: cart }, value: +Inf, at: 2026-03-02T09:59:58Z }]
  - { source: prod, query: nothing, samples: [] }
  - { source: prod, query: down, error: { code: timeout, message: too slow } }
  - source: prod
    query: error_ratio
    range: { start: 2026-03-02T09:00:00Z, end: 2026-03-02T10:00:00Z, step: 30s }
    series: [{ points: [{ at: 2026-03-02T09:00:00Z, value: NaN }] }]
objects:
  - { apiVersion: v1, kind: ConfigMap, metadata: { namespace: shop, name: flags } }
  - { apiVersion: v1, kind: ConfigMap, metadata: { namespace: shop, name: limits } }
  - { apiVersion: v1, kind: ConfigMap, metadata: { namespace: bank, name: flags } }
objectErrors:
  - { apiVersion: v1, kind: Node, code: forbidden, message: rollgate may not }
"#;

fn world(scenario: Scenario) -> Sources {
    Sources::of_scenario(Arc::new(scenario), Arc::new(SystemClock))
}

fn original() -> Sources {
    world(Scenario::parse(WORLD.as_bytes()).expect("a scenario"))
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
const SHOP: ListQuery<'_> = ListQuery {
    kind: CONFIG_MAP,
    scope: Scope::Namespace("shop"),
    label_selector: "",
};

/// All that a policy might ask, and the answers, NaN shown as text.
async fn ask(sources: &Sources) -> String {
    let now = sources.clock.now();
    let (metrics, cluster) = (&sources.metrics, &sources.cluster);
    let hour_ago = now - jiff::SignedDuration::from_hours(1);
    let range = Range {
        start: hour_ago,
        end: now,
        step: Duration::from_secs(30),
    };
    let node = ObjectRef {
        kind: KindRef {
            api_version: "v1",
            kind: "Node",
        },
        namespace: None,
        name: "n1",
    };
    format!(
        "{:#?}",
        (
            now,
            metrics
                .query(Requester::Operator, "prod", "error_ratio", now)
                .await,
            metrics
                .query(Requester::Operator, "prod", "nothing", now)
                .await,
            metrics
                .query(Requester::Operator, "prod", "down", now)
                .await,
            metrics
                .query_range(Requester::Operator, "prod", "error_ratio", range)
                .await,
            cluster.get(FLAGS, Reading::Recent).await,
            cluster
                .get(
                    ObjectRef {
                        name: "gone",
                        ..FLAGS
                    },
                    Reading::Fresh
                )
                .await,
            cluster.list(SHOP, Reading::Recent).await,
            cluster.get(node, Reading::Recent).await,
        )
    )
}

#[tokio::test]
async fn recorded_scenario_replays_every_result() {
    let recorder = Recorder::default();
    let answers = ask(&recorder.wrap(original())).await;
    let yaml = recorder
        .complete(Scenario::named("replay"))
        .to_yaml()
        .expect("YAML");
    let replay = world(Scenario::parse(yaml.as_bytes()).expect("a scenario"));
    assert_eq!(ask(&replay).await, answers);
    assert!(
        !yaml.contains("bank"),
        "an object that nobody asked for:\n{yaml}"
    );
}

#[tokio::test]
async fn repeated_query_is_recorded_once() {
    let recorder = Recorder::default();
    let sources = recorder.wrap(original());
    ask(&sources).await;
    let once = recorder.complete(Scenario::named("once"));
    ask(&sources).await;
    assert_eq!(recorder.complete(Scenario::named("once")), once);
}

#[tokio::test]
async fn recording_without_reads_has_no_objects() {
    let recorder = Recorder::default();
    recorder.wrap(original()).clock.now();
    assert_eq!(
        recorder.complete(Scenario::named("clock only")).objects,
        None
    );
}

#[tokio::test]
async fn missing_object_is_missing_in_the_replay() {
    let recorder = Recorder::default();
    let gone = ObjectRef {
        name: "gone",
        ..FLAGS
    };
    recorder
        .wrap(original())
        .cluster
        .get(gone, Reading::Recent)
        .await
        .unwrap_err();
    let replay = world(recorder.complete(Scenario::named("gone")));
    assert_eq!(
        replay
            .cluster
            .get(gone, Reading::Recent)
            .await
            .unwrap_err()
            .code,
        ClusterErrorCode::NotFound
    );
    let other = replay
        .metrics
        .query(
            Requester::Operator,
            "prod",
            "error_ratio",
            Timestamp::UNIX_EPOCH,
        )
        .await;
    assert_eq!(other.unwrap_err().code, MetricsErrorCode::Unavailable);
}

/// A cluster whose items carry no kind, as those of Kubernetes' lists.
struct Bare;

impl Cluster for Bare {
    fn get<'a>(
        &'a self,
        _: ObjectRef<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        futures_util::future::ready(Ok(SECRET.into())).boxed()
    }

    fn list<'a>(
        &'a self,
        _: ListQuery<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        futures_util::future::ready(Ok(vec![DEPLOYMENT.into()])).boxed()
    }
}

const SECRET: &str = r#"{"apiVersion": "v1", "kind": "Secret",
    "metadata": {"namespace": "shop", "name": "flags"}, "data": {"password": "aHVudGVyMg=="}}"#;
const DEPLOYMENT: &str = r#"{"metadata": {"namespace": "shop", "name": "cart"},
    "spec": {"template": {"spec": {"containers": [
        {"name": "app", "env": [{"name": "TOKEN", "value": "hunter2"}]}]}}}}"#;

#[tokio::test]
async fn secrets_and_values_of_environment_variables_are_redacted() {
    let recorder = Recorder::default();
    let sources = recorder.wrap(Sources {
        clock: Arc::new(FixedClock(Timestamp::UNIX_EPOCH)),
        metrics: Arc::new(crate::sources::NamedMetrics::default()),
        cluster: Arc::new(Bare),
        history: Arc::new(crate::sources::Disconnected),
    });
    sources.cluster.get(FLAGS, Reading::Recent).await.unwrap();
    let deployments = ListQuery {
        kind: KindRef {
            api_version: "apps/v1",
            kind: "Deployment",
        },
        ..SHOP
    };
    sources
        .cluster
        .list(deployments, Reading::Recent)
        .await
        .unwrap();
    let mut scenario = Scenario::named("secrets");
    scenario.new = serde_json::from_str(DEPLOYMENT).ok();
    scenario.old = scenario.new.clone();
    let yaml = recorder.complete(scenario).to_yaml().expect("YAML");
    for secret in ["hunter2", "aHVudGVyMg"] {
        assert!(!yaml.contains(secret), "{yaml}");
    }
    assert!(yaml.contains("TOKEN"), "{yaml}");
    assert!(
        yaml.contains("kind: Deployment"),
        "the kind is filled in:\n{yaml}"
    );
}
