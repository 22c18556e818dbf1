//! The status of workloads, as their controllers write it, and what it means.

use super::workload::Object;
use super::{Image, Pod, Progress, WorkloadKind, WorkloadStatus};
use crate::fields::Fields;
use serde_json::{Value, json};

fn workload(kind: WorkloadKind, object: &Value) -> WorkloadStatus {
    WorkloadStatus::new(kind, Object::of(Fields::of(object)))
}

fn deployment(status: Value) -> Progress {
    let mut object = json!({
        "metadata": {"name": "shop", "generation": 7},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 7},
    });
    merge(&mut object["status"], status);
    workload(WorkloadKind::Deployment, &object).progress()
}

fn stateful_set(spec: Value, status: Value) -> Progress {
    let mut object = json!({
        "metadata": {"name": "db", "generation": 2},
        "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
        "status": {"observedGeneration": 2, "replicas": 3},
    });
    merge(&mut object["spec"], spec);
    merge(&mut object["status"], status);
    workload(WorkloadKind::StatefulSet, &object).progress()
}

fn daemon_set(spec: Value, status: Value) -> Progress {
    let mut object = json!({
        "metadata": {"name": "agent", "generation": 1},
        "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 4},
    });
    merge(&mut object["spec"], spec);
    merge(&mut object["status"], status);
    workload(WorkloadKind::DaemonSet, &object).progress()
}

fn argo_rollout(status: &Value) -> Progress {
    let object = json!({"metadata": {"name": "shop", "generation": 5}, "status": status});
    workload(WorkloadKind::Rollout, &object).progress()
}

fn merge(into: &mut Value, from: Value) {
    let Value::Object(from) = from else {
        panic!("not a mapping: {from}");
    };
    for (key, value) in from {
        into[key] = value;
    }
}

fn progressing(reason: &str) -> Value {
    json!([{"type": "Progressing", "status": "True", "reason": reason}])
}

fn rolling(why: &str) -> Progress {
    Progress::Rolling(why.to_owned())
}

#[test]
fn deployment_is_complete_when_all_pods_are_updated_and_available() {
    let status =
        json!({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3});
    assert_eq!(deployment(status), Progress::Complete);
}

#[test]
fn deployment_without_an_observed_generation_is_rolling() {
    let mut object = json!({
        "metadata": {"generation": 8},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
    });
    let why = "its controller has not seen its latest change yet";
    let progress = |object: &Value| workload(WorkloadKind::Deployment, object).progress();
    assert_eq!(progress(&object), rolling(why));
    object["status"] = json!({});
    assert_eq!(progress(&object), rolling(why), "a new one");
}

#[test]
fn deployment_is_rolling_as_kubectl_waits() {
    let reason = progressing("ReplicaSetUpdated");
    for (replicas, updated, available, why) in [
        (4, 2, 3, "2 of 3 Pods are updated"),
        (4, 3, 3, "1 Pods of an earlier template still run"),
        (3, 3, 2, "2 of 3 Pods are available"),
    ] {
        let status = json!({
            "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available,
            "conditions": reason,
        });
        assert_eq!(deployment(status), rolling(why));
    }
}

#[test]
fn deployment_that_lost_a_pod_after_its_rollout_is_unavailable_and_not_rolling() {
    let status = json!({
        "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2,
        "conditions": progressing("NewReplicaSetAvailable"),
    });
    let why = "2 of 3 Pods are available".to_owned();
    assert_eq!(deployment(status), Progress::Unavailable(why));
}

#[test]
fn deployment_being_scaled_is_unavailable_and_not_rolling() {
    let status = json!({
        "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
        "conditions": progressing("NewReplicaSetAvailable"),
    });
    let why = "1 of 3 Pods are updated".to_owned();
    assert_eq!(deployment(status), Progress::Unavailable(why));
}

#[test]
fn deployment_whose_rollout_has_just_begun_is_rolling_despite_the_last_reason() {
    let status = json!({
        "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3,
        "conditions": progressing("NewReplicaSetAvailable"),
    });
    assert_eq!(deployment(status), rolling("1 of 3 Pods are updated"));
}

#[test]
fn deployment_with_recreate_is_rolling_until_all_pods_are_available() {
    let object = json!({
        "metadata": {"generation": 7},
        "spec": {"replicas": 3, "strategy": {"type": "Recreate"}},
        "status": {
            "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 0,
            "conditions": progressing("NewReplicaSetAvailable"),
        },
    });
    let progress = workload(WorkloadKind::Deployment, &object).progress();
    assert_eq!(progress, rolling("0 of 3 Pods are available"));
}

#[test]
fn deployment_over_its_progress_deadline_is_stalled() {
    let status = json!({
        "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    });
    let why = "its progress deadline is over: 1 of 3 Pods are updated".to_owned();
    assert_eq!(deployment(status), Progress::Stalled(why));
}

#[test]
fn deployment_of_no_replicas_is_complete() {
    let object = json!({
        "metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1},
    });
    let empty = workload(WorkloadKind::Deployment, &object);
    assert_eq!(
        (empty.progress(), empty.replicas()),
        (Progress::Complete, 0)
    );
}

#[test]
fn stateful_set_is_complete_when_all_pods_are_updated_and_available() {
    let status = json!({
        "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "currentRevision": "db-2", "updateRevision": "db-2",
    });
    assert_eq!(stateful_set(json!({}), status), Progress::Complete);
}

#[test]
fn stateful_set_is_rolling_until_all_pods_above_the_partition_are_updated() {
    let partition = |partition| json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}});
    let status = json!({
        "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3,
        "currentRevision": "db-1", "updateRevision": "db-2",
    });
    for (from, progress) in [
        (0, rolling("1 of 3 Pods are updated")),
        (1, rolling("1 of 2 Pods are updated")),
        (2, Progress::Complete),
        (3, Progress::Complete),
    ] {
        assert_eq!(
            stateful_set(partition(from), status.clone()),
            progress,
            "{from}"
        );
    }
}

#[test]
fn stateful_set_whose_updated_pods_are_not_available_is_rolling() {
    let status = json!({
        "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 2,
        "currentRevision": "db-1", "updateRevision": "db-2",
    });
    assert_eq!(
        stateful_set(json!({}), status),
        rolling("2 of 3 Pods are available")
    );
}

#[test]
fn stateful_set_that_lost_a_pod_after_its_rollout_is_unavailable() {
    let status = json!({
        "updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 2,
        "currentRevision": "db-2", "updateRevision": "db-2",
    });
    assert!(matches!(
        stateful_set(json!({}), status),
        Progress::Unavailable(_)
    ));
}

#[test]
fn stateful_set_whose_rollout_is_reverted_half_way_is_rolling() {
    let status = json!({
        "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 3,
        "currentRevision": "db-1", "updateRevision": "db-1",
    });
    assert_eq!(
        stateful_set(json!({}), status),
        rolling("2 of 3 Pods are updated")
    );
}

#[test]
fn stateful_set_that_is_scaled_up_is_not_rolling() {
    let status = json!({
        "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
        "currentRevision": "db-1", "updateRevision": "db-1",
    });
    assert!(matches!(
        stateful_set(json!({}), status),
        Progress::Unavailable(_)
    ));
}

#[test]
fn on_delete_is_not_rolling_and_complete_only_when_people_have_deleted_all_old_pods() {
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    let partly = json!({
        "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3,
        "currentRevision": "db-1", "updateRevision": "db-2",
    });
    let progress = stateful_set(on_delete.clone(), partly);
    assert!(matches!(progress, Progress::OnDelete(_)), "{progress:?}");
    assert!(!progress.is_rolling());
    let partly = json!({"updatedNumberScheduled": 2, "numberAvailable": 4});
    assert!(matches!(
        daemon_set(on_delete.clone(), partly),
        Progress::OnDelete(_)
    ));
    let all = json!({"updatedNumberScheduled": 4, "numberAvailable": 4});
    assert_eq!(daemon_set(on_delete, all), Progress::Complete);
}

#[test]
fn daemon_set_is_rolling_until_all_pods_are_updated_and_available() {
    for (updated, available, progress) in [
        (3, 4, rolling("3 of 4 Pods are updated")),
        (4, 3, rolling("3 of 4 Pods are available")),
        (4, 4, Progress::Complete),
    ] {
        let status = json!({"updatedNumberScheduled": updated, "numberAvailable": available});
        assert_eq!(daemon_set(json!({}), status), progress);
    }
}

#[test]
fn argo_rollout_is_judged_by_its_phase_of_the_present_generation() {
    let healthy = json!({"observedGeneration": "5", "phase": "Healthy"});
    assert_eq!(argo_rollout(&healthy), Progress::Complete);
    let paused =
        json!({"observedGeneration": "5", "phase": "Paused", "message": "CanaryPauseStep"});
    assert_eq!(
        argo_rollout(&paused),
        rolling("its phase is Paused: CanaryPauseStep")
    );
    let degraded = json!({"observedGeneration": "5", "phase": "Degraded"});
    assert!(matches!(argo_rollout(&degraded), Progress::Stalled(_)));
    for earlier in [json!("4"), json!("5d8f7b"), json!(4), json!("")] {
        let status = json!({"observedGeneration": earlier, "phase": "Healthy"});
        assert!(argo_rollout(&status).is_rolling(), "{earlier}");
    }
}

#[test]
fn deployment_is_available_since_its_rollout_was_complete_and_not_since_a_pod_was_replaced() {
    let object = json!({
        "metadata": {"name": "shop", "generation": 7},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 7, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
            "conditions": [
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                 "lastTransitionTime": "2026-01-01T00:00:00Z", "lastUpdateTime": "2026-06-01T10:00:00Z"},
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                 "lastTransitionTime": "2026-03-01T00:00:00Z"},
            ],
        },
    });
    let shop = workload(WorkloadKind::Deployment, &object);
    let since = shop.available_since(&[pod(&json!({}), &json!("2026-06-07T00:00:00Z"))]);
    assert_eq!(since, "2026-06-01T10:00:00Z".parse().ok());
}

#[test]
fn other_kinds_are_available_since_the_last_pod_was_ready_for_min_ready_seconds() {
    let object = json!({
        "metadata": {"name": "db", "generation": 1},
        "spec": {"replicas": 2, "minReadySeconds": 30},
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    });
    let db = workload(WorkloadKind::StatefulSet, &object);
    let first = pod(&json!({}), &json!("2026-06-01T10:00:00Z"));
    let second = pod(&json!({}), &json!("2026-06-01T10:05:00Z"));
    let since = db.available_since(&[first.clone(), second]);
    assert_eq!(since, "2026-06-01T10:05:30Z".parse().ok());
    assert_eq!(db.available_since(&[]), None);
    let not_ready = pod(&json!({}), &Value::Null);
    assert_eq!(db.available_since(&[first, not_ready]), None);
}

fn pod(metadata: &Value, ready_since: &Value) -> Pod {
    let status = if ready_since.is_null() {
        "False"
    } else {
        "True"
    };
    let condition = json!({"type": "Ready", "status": status, "lastTransitionTime": ready_since});
    let object = json!({"metadata": metadata, "status": {"conditions": [condition]}});
    Pod::of(Fields::of(&object))
}

#[test]
fn pod_belongs_to_the_workload_whose_controller_owns_it() {
    let owned = |kind: &str, name: &str, label: &str| {
        let owner = json!([{"kind": kind, "name": name, "uid": "u", "controller": true}]);
        let metadata = json!({"ownerReferences": owner, "labels": {label: "5d9f7c4b6d"}});
        pod(&metadata, &Value::Null)
    };
    let canary = owned("ReplicaSet", "shop-canary-5d9f7c4b6d", "pod-template-hash");
    assert_eq!(
        canary.workload(),
        Some((WorkloadKind::Deployment, "shop-canary"))
    );
    let argo = owned(
        "ReplicaSet",
        "shop-5d9f7c4b6d",
        "rollouts-pod-template-hash",
    );
    assert_eq!(argo.workload(), Some((WorkloadKind::Rollout, "shop")));
    let db = owned("StatefulSet", "db", "app");
    assert_eq!(db.workload(), Some((WorkloadKind::StatefulSet, "db")));
    let alone = owned("ReplicaSet", "shop-5d9f7c4b6d", "app");
    assert_eq!(alone.workload(), None, "a ReplicaSet of no workload");
    let job = owned("Job", "shop", "app");
    assert_eq!(job.workload(), None);
    let bare = pod(&json!({"name": "shop-5d9f7c4b6d-abcde"}), &Value::Null);
    assert_eq!(bare.workload(), None);
}

#[test]
fn pod_runs_an_image_by_its_spec_or_by_the_digest_that_was_pulled() {
    let object = json!({
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "web", "image": "shop:2"}]},
        "status": {"containerStatuses": [{"name": "web", "imageID": "docker.io/library/shop@sha256:aa"}]},
    });
    let pod = Pod::of(Fields::of(&object));
    for (image, runs) in [
        ("shop:2", true),
        ("docker.io/library/shop:2", true),
        ("shop@sha256:aa", true),
        ("mirror.example.com/shop:2@sha256:aa", true),
        ("shop@sha256:bb", false),
        ("shop:3", false),
        ("other:2", false),
        ("shop", false),
    ] {
        assert_eq!(pod.runs(&Image::parse(image)), runs, "{image}");
    }
}

#[test]
fn pod_without_an_image_id_runs_no_image_without_a_digest_by_accident() {
    let object = json!({
        "metadata": {},
        "spec": {"containers": [{"name": "web", "image": "shop:2"}]},
        "status": {"containerStatuses": [{"name": "web", "imageID": ""}]},
    });
    let pod = Pod::of(Fields::of(&object));
    assert!(!pod.runs(&Image::parse("shop:3")));
    assert_eq!(pod.image_id_of("web"), None);
}

#[test]
fn tag_and_digest_are_not_known_to_be_the_same() {
    let tag = Image::parse("registry:5000/shop:2");
    assert!(!tag.is_same(&Image::parse("registry:5000/shop:2@sha256:aa")));
    assert!(tag.is_same(&Image::parse("registry:5000/shop:2")));
    assert!(!tag.is_same(&Image::parse("registry:5000/shop")));
}

#[test]
fn selector_is_written_in_the_syntax_of_kubectl() {
    let selector = |selector: Value| {
        let object = json!({"metadata": {}, "spec": {"selector": selector}});
        let workload = workload(WorkloadKind::Deployment, &object);
        workload.selector().map(str::to_owned)
    };
    assert_eq!(
        selector(
            json!({"matchLabels": {"app": "shop", "tier": "web"}, "matchExpressions": [
                {"key": "track", "operator": "In", "values": ["a", "b"]},
                {"key": "gone", "operator": "DoesNotExist"},
                {"key": "there", "operator": "Exists"},
                {"key": "env", "operator": "NotIn", "values": ["dev"]},
            ]})
        )
        .as_deref(),
        Some("app=shop,tier=web,track in (a,b),!gone,there,env notin (dev)")
    );
    assert_eq!(selector(json!({})), None);
    let newer =
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "Newer"}]});
    assert_eq!(selector(newer), None, "an operator that is not known");
}
