//! The numbers of rollouts, as Kubernetes computes them.

use rollgate_sdk::IntOrString::{Int, Text};
use rollgate_sdk::neighbours::{AutoscalerKind, Budget, Neighbours};
use rollgate_sdk::pace::{StartTime, StopTime};
use rollgate_sdk::scale::{Replacement, Replicas, Round, SetBy, scaled};
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::Case;
use rollgate_sdk::{
    Failure, Findings, IntOrString, NoSettings, Policy, Rollout, SettingsError, Verdict, Workload,
};
use std::cell::RefCell;

/// Calls a function with the new object of a case.
fn with<R: 'static>(case: Case, look: fn(&Workload) -> R) -> R {
    type LookAt = Box<dyn Fn(&Workload)>;
    thread_local! {
        static RESULT: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) };
        static LOOK: RefCell<Option<LookAt>> = const { RefCell::new(None) };
    }
    struct Look;
    impl Policy for Look {
        type Settings = NoSettings;
        fn new(_: NoSettings) -> Result<Self, SettingsError> {
            Ok(Self)
        }
        fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
            let new = rollout.new().expect("a new object");
            LOOK.with_borrow(|look| look.as_ref().expect("set before")(new));
            Ok(Findings::new().into())
        }
    }
    LOOK.set(Some(Box::new(move |workload| {
        RESULT.set(Some(Box::new(look(workload))));
    })));
    let verdict = case.evaluate::<Look>().expect("it only looks");
    assert!(verdict.findings.is_empty());
    let result = RESULT.take().expect("it looked");
    *result.downcast().expect("the type of this call")
}

fn text(text: &str) -> IntOrString {
    Text(text.to_owned())
}

#[test]
fn percentages_are_rounded_in_the_direction_that_is_asked_for() {
    let table = [
        ("25%", 1, 0, 1),
        ("25%", 3, 0, 1),
        ("25%", 4, 1, 1),
        ("25%", 5, 1, 2),
        ("34%", 3, 1, 2),
        ("50%", 3, 1, 2),
        ("99%", 3, 2, 3),
        ("100%", 3, 3, 3),
        ("0%", 3, 0, 0),
        ("1%", 1000, 10, 10),
        ("150%", 3, 4, 5),
    ];
    for (value, total, down, up) in table {
        let value = text(value);
        assert_eq!(scaled(&value, total, Round::Down), Some(down), "{value:?}");
        assert_eq!(scaled(&value, total, Round::Up), Some(up), "{value:?}");
    }
    assert_eq!(scaled(&Int(2), 9, Round::Down), Some(2));
}

#[test]
fn text_that_is_no_percentage_has_no_value() {
    for value in [
        "",
        "%",
        "25",
        "a%",
        "2.5%",
        "99999999999999999999%",
        "9223372036854775807%",
    ] {
        assert_eq!(scaled(&text(value), 3, Round::Up), None, "{value}");
    }
}

fn workload(kind: &str, strategy: &Value) -> Value {
    let field = if kind == "Deployment" || kind == "Rollout" {
        "strategy"
    } else {
        "updateStrategy"
    };
    let api_version = if kind == "Rollout" {
        "argoproj.io/v1alpha1"
    } else {
        "apps/v1"
    };
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "serviceName": "shop",
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "web", "image": "shop:1"}]}
            }
        }
    });
    if !strategy.is_null() {
        object["spec"][field] = strategy.clone();
    }
    object
}

fn rolling(surge: impl Into<Value>, unavailable: impl Into<Value>) -> Value {
    let (surge, unavailable): (Value, Value) = (surge.into(), unavailable.into());
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

/// Surge, missing and staying Pods of a rollout with 1, 2, 3 and 10 replicas.
type Row = [(i32, i32, i32); 4];

fn replacement(object: Value) -> Row {
    with(Case::create(object), |workload| {
        [1, 2, 3, 10].map(|replicas| {
            let it = Replacement::of(workload, replicas).expect("known");
            (it.surge, it.unavailable, it.stay)
        })
    })
}

#[test]
fn deployment_replaces_pods_as_its_controller_resolves_the_fenceposts() {
    let table: [(Value, Row); 7] = [
        (Value::Null, [(1, 0, 1), (1, 0, 2), (1, 0, 3), (3, 2, 8)]),
        (
            rolling("25%", "25%"),
            [(1, 0, 1), (1, 0, 2), (1, 0, 3), (3, 2, 8)],
        ),
        // Both are rounded to 0 for few replicas: one Pod is stopped.
        (
            rolling(0, "25%"),
            [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 2, 8)],
        ),
        (
            rolling("1%", 0),
            [(1, 0, 1), (1, 0, 2), (1, 0, 3), (1, 0, 10)],
        ),
        (rolling(1, 5), [(1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 5, 5)]),
        (
            rolling(0, "100%"),
            [(0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 10, 0)],
        ),
        (
            json!({"type": "Recreate"}),
            [(0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 10, 0)],
        ),
    ];
    for (strategy, rows) in table {
        assert_eq!(
            replacement(workload("Deployment", &strategy)),
            rows,
            "{strategy}"
        );
    }
}

#[test]
fn daemonset_rounds_both_numbers_up() {
    let table: [(Value, Row); 3] = [
        (Value::Null, [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 1, 9)]),
        (
            rolling(0, "25%"),
            [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 3, 7)],
        ),
        (
            rolling("25%", 0),
            [(1, 0, 1), (1, 0, 2), (1, 0, 3), (3, 0, 10)],
        ),
    ];
    for (strategy, rows) in table {
        assert_eq!(
            replacement(workload("DaemonSet", &strategy)),
            rows,
            "{strategy}"
        );
    }
}

#[test]
fn statefulset_rounds_down_and_replaces_one_at_least() {
    let of = |unavailable: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}});
    let table: [(Value, Row); 3] = [
        (Value::Null, [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 1, 9)]),
        (
            of(json!("50%")),
            [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 5, 5)],
        ),
        (
            of(json!("5%")),
            [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 1, 9)],
        ),
    ];
    for (strategy, rows) in table {
        assert_eq!(
            replacement(workload("StatefulSet", &strategy)),
            rows,
            "{strategy}"
        );
    }
}

#[test]
fn strategy_by_which_people_decide_has_no_numbers() {
    let object = workload("StatefulSet", &json!({"type": "OnDelete"}));
    let known = with(Case::create(object), |it| Replacement::of(it, 3).is_some());
    assert!(!known);
}

#[test]
fn budget_rounds_up_as_the_disruption_controller() {
    // minAvailable, maxUnavailable, evictions of 1, 2, 3 and 10 Pods.
    let table = [
        (Some(Int(1)), None, [0, 1, 2, 9]),
        (Some(Int(2)), None, [0, 0, 1, 8]),
        (Some(Int(5)), None, [0, 0, 0, 5]),
        (Some(text("50%")), None, [0, 1, 1, 5]),
        (Some(text("51%")), None, [0, 0, 1, 4]),
        (Some(text("100%")), None, [0, 0, 0, 0]),
        (Some(text("0%")), None, [1, 2, 3, 10]),
        (None, Some(Int(0)), [0, 0, 0, 0]),
        (None, Some(Int(1)), [1, 1, 1, 1]),
        (None, Some(text("25%")), [1, 1, 1, 3]),
        (None, Some(text("0%")), [0, 0, 0, 0]),
        (None, None, [0, 0, 0, 0]),
    ];
    for (min_available, max_unavailable, allowed) in table {
        let budget = Budget {
            name: "shop".to_owned(),
            selector: None,
            min_available,
            max_unavailable,
            unhealthy_pod_eviction_policy: None,
        };
        let found = [1, 2, 3, 10].map(|replicas| budget.allowed_disruptions(replicas));
        assert_eq!(found, allowed.map(Some), "{budget:?}");
    }
}

fn replicas(case: Case) -> Option<Replicas> {
    with(case, |workload| {
        Replicas::of(workload, &Neighbours::of(workload)).expect("readable")
    })
}

fn hpa(min: Option<i32>) -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": min,
            "maxReplicas": 9
        }
    })
}

fn deployment(replicas: Value) -> Value {
    let mut object = workload("Deployment", &Value::Null);
    object["spec"]["replicas"] = replicas;
    object
}

#[test]
fn fewest_replicas_are_those_of_the_autoscaler_else_the_written_ones_else_one() {
    let of = |object: Value, objects: Vec<Value>| {
        let found = replicas(Case::create(object).objects(objects)).expect("it has replicas");
        (found.fewest, found.set_by)
    };
    let by_hpa = SetBy::Autoscaler {
        kind: AutoscalerKind::HorizontalPodAutoscaler,
        name: "shop".to_owned(),
    };
    assert_eq!(of(deployment(json!(4)), vec![]), (4, SetBy::Manifest));
    assert_eq!(of(deployment(Value::Null), vec![]), (1, SetBy::Manifest));
    assert_eq!(
        of(deployment(json!(4)), vec![hpa(Some(2))]),
        (2, by_hpa.clone())
    );
    assert_eq!(of(deployment(json!(4)), vec![hpa(None)]), (1, by_hpa));
    assert_eq!(
        of(deployment(json!(0)), vec![hpa(Some(2))]),
        (0, SetBy::Manifest)
    );
    let unseen = Case::create(deployment(json!(4))).objects([]).object_error(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "not-seen",
        "no",
    );
    assert_eq!(replicas(unseen).map(|it| it.set_by), Some(SetBy::Unseen));
    let daemons = Case::create(workload("DaemonSet", &Value::Null)).objects([]);
    assert_eq!(replicas(daemons), None);
}

fn with_pod(pod: Value) -> Case {
    let mut object = workload("Deployment", &Value::Null);
    object["spec"]["minReadySeconds"] = json!(5);
    object["spec"]["template"]["spec"] = pod;
    Case::create(object)
}

#[test]
fn start_lasts_as_long_as_the_slowest_container_after_its_sidecars() {
    let probe = |delay: i32, failures: i32, successes: i32| {
        json!({
            "tcpSocket": {"port": 80},
            "initialDelaySeconds": delay,
            "periodSeconds": 10,
            "failureThreshold": failures,
            "successThreshold": successes
        })
    };
    let start = |pod: Value| with(with_pod(pod), StartTime::of);
    let plain = start(json!({"containers": [{"name": "a", "image": "a"}]}));
    let none = StartTime {
        at_least: 0,
        at_most: None,
        then_available: 5,
    };
    assert_eq!(plain, none);
    let pod = json!({
        "initContainers": [
            {"name": "init", "image": "a"},
            {"name": "s", "image": "a", "restartPolicy": "Always", "startupProbe": probe(3, 2, 1)}
        ],
        "containers": [
            {"name": "a", "image": "a", "startupProbe": probe(1, 6, 1), "readinessProbe": probe(0, 1, 3)},
            {"name": "b", "image": "a", "startupProbe": probe(30, 3, 1)}
        ]
    });
    let both = StartTime {
        at_least: 3 + 30,
        at_most: Some(23 + 61),
        then_available: 5,
    };
    assert_eq!(start(pod), both);
}

#[test]
fn sleep_before_the_stop_is_part_of_the_grace_period() {
    let pod = json!({
        "terminationGracePeriodSeconds": 20,
        "containers": [
            {"name": "a", "image": "a", "lifecycle": {"preStop": {"sleep": {"seconds": 25}}}},
            {"name": "b", "image": "a", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "60"]}}}}
        ]
    });
    let stop = with(with_pod(pod), StopTime::of).expect("a workload");
    assert_eq!((stop.grace, stop.sleep), (20, 25));
    assert_eq!(stop.left_for_the_process(), -5);
}
