//! The webhooks that policies need.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use rollgate_model::{Change, Kind};

use super::webhooks::{Argo, Target, webhooks};
use super::{Authority, FailurePolicy, Trust, WebhookSettings, configuration};
use crate::cluster::Installation;
use crate::config::{Match, Requirement, Selector};

fn installation() -> Installation {
    Installation {
        name: "rollgate".to_owned(),
        namespace: "system".to_owned(),
    }
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        failure_policy: FailurePolicy::Fail,
        promotions: FailurePolicy::Ignore,
        timeout: 10,
        port: 443,
        argo_controllers: vec!["system:serviceaccount:argo-rollouts:argo-rollouts".to_owned()],
    }
}

fn registered(policies: &[Match], argo: Argo) -> Vec<ValidatingWebhook> {
    let bundle = ByteString(b"CA".to_vec());
    registered_with(Some(&bundle), policies, argo, &settings())
}

fn registered_with(
    bundle: Option<&ByteString>,
    policies: &[Match],
    argo: Argo,
    settings: &WebhookSettings,
) -> Vec<ValidatingWebhook> {
    let policies: Vec<_> = policies.iter().collect();
    let path = "thesecretthatallreplicasacceptnow";
    let target = Target {
        bundle,
        path: &path.parse().expect("a secret"),
    };
    webhooks(&policies, argo, &installation(), settings, target)
}

fn yaml(webhooks: &[ValidatingWebhook]) -> String {
    serde_saphyr::to_string(&webhooks).expect("YAML")
}

/// Each webhook's name, and its rules in short.
fn rules(policies: &[Match], argo: Argo) -> Vec<String> {
    let webhooks = registered(policies, argo);
    let rules = webhooks.iter().flat_map(|webhook| {
        let name = webhook.name.split('.').next().unwrap_or_default();
        webhook.rules.iter().flatten().map(move |rule| {
            let [operations, resources] =
                [&rule.operations, &rule.resources].map(|list| list.iter().flatten());
            let join = |list: Vec<&String>| list.into_iter().cloned().collect::<Vec<_>>().join(",");
            format!(
                "{name}: {} {}",
                join(operations.collect()),
                join(resources.collect())
            )
        })
    });
    rules.collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn no_policies_need_no_webhooks() {
    assert_eq!(registered(&[], Argo::Installed), []);
}

#[test]
fn policy_without_a_match_needs_all_kinds_and_the_default_changes() {
    let webhooks = registered(&[Match::default()], Argo::Installed);
    insta::assert_snapshot!(yaml(&webhooks));
}

#[test]
fn argo_rollouts_are_registered_only_if_the_cluster_has_them() {
    let all = [Match::default().changes(Change::ALL)];
    insta::assert_snapshot!(rules(&all, Argo::Missing).join("\n"), @r"
    workloads: CREATE,DELETE,UPDATE daemonsets,deployments,statefulsets
    services: UPDATE services
    scale: UPDATE deployments/scale,statefulsets/scale
    ");
    insta::assert_snapshot!(rules(&all, Argo::Installed).join("\n"), @r"
    workloads: CREATE,DELETE,UPDATE daemonsets,deployments,statefulsets
    workloads: CREATE,DELETE,UPDATE rollouts
    templates: CREATE,UPDATE podtemplates
    templates: CREATE,UPDATE replicasets
    services: UPDATE services
    scale: UPDATE deployments/scale,statefulsets/scale
    scale: UPDATE rollouts/scale
    promotions: UPDATE rollouts/status
    ");
}

#[test]
fn kinds_and_changes_that_no_policy_matches_are_not_registered() {
    let only = |kind, change| [Match::default().kinds([kind]).changes([change])];
    let table = [
        (
            Kind::Deployment,
            Change::Create,
            vec!["workloads: CREATE deployments"],
        ),
        (
            Kind::Deployment,
            Change::Restart,
            vec!["workloads: UPDATE deployments"],
        ),
        (
            Kind::StatefulSet,
            Change::Delete,
            vec!["workloads: DELETE statefulsets"],
        ),
        (
            Kind::StatefulSet,
            Change::Scale,
            vec![
                "workloads: UPDATE statefulsets",
                "scale: UPDATE statefulsets/scale",
            ],
        ),
        (
            Kind::DaemonSet,
            Change::Scale,
            vec!["workloads: UPDATE daemonsets"],
        ),
        (
            Kind::Service,
            Change::Release,
            vec!["services: UPDATE services"],
        ),
        (
            Kind::Service,
            Change::Rollback,
            vec!["services: UPDATE services"],
        ),
        (
            Kind::Service,
            Change::Create,
            vec!["services: CREATE services"],
        ),
        (Kind::Service, Change::Delete, vec![]),
        (
            Kind::Rollout,
            Change::Create,
            vec!["workloads: CREATE rollouts"],
        ),
        (
            Kind::Rollout,
            Change::RollForward,
            vec![
                "workloads: CREATE,UPDATE deployments",
                "workloads: UPDATE rollouts",
                "templates: CREATE,UPDATE podtemplates",
                "templates: CREATE,UPDATE replicasets",
            ],
        ),
        (
            Kind::Rollout,
            Change::Resume,
            vec![
                "workloads: UPDATE rollouts",
                "promotions: UPDATE rollouts/status",
            ],
        ),
    ];
    for (kind, change, expected) in table {
        assert_eq!(
            rules(&only(kind, change), Argo::Installed),
            expected,
            "{kind} {change}"
        );
    }
}

#[test]
fn new_services_and_other_types_are_registered_only_for_a_policy_that_names_services() {
    let condition = |policy: Match| {
        let mut webhooks = registered(&[policy], Argo::Missing);
        webhooks.retain(|webhook| webhook.name == "services.rollgate.dev");
        let mut conditions = webhooks.remove(0).match_conditions.unwrap_or_default();
        conditions.remove(0).expression
    };
    let argo =
        r#"!(request.userInfo.username in ["system:serviceaccount:argo-rollouts:argo-rollouts"])"#;
    let silent = condition(Match::default());
    assert!(
        silent.contains(argo) && !silent.contains("externalName"),
        "{silent}"
    );
    let naming = condition(Match::default().kinds([Kind::Service]));
    let new = format!("oldObject == null ? {argo} : (");
    assert!(
        naming.starts_with(&new) && naming.contains("externalName"),
        "{naming}"
    );
}

fn has(key: &str, value: &'static str) -> Selector {
    Selector::new(vec![Requirement::In(key.to_owned(), names([value]))])
}

#[test]
fn changes_of_labels_that_policies_match_by_are_always_registered() {
    let deployments = || Match::default().kinds([Kind::Deployment]);
    let deletions = deployments().changes([Change::Delete]);
    let labelled = deletions.clone().labels(has("tier", "critical"));
    assert_eq!(
        rules(&[deletions], Argo::Missing),
        ["workloads: DELETE deployments"]
    );
    assert_eq!(
        rules(std::slice::from_ref(&labelled), Argo::Missing),
        ["workloads: DELETE,UPDATE deployments"]
    );
    let policies = [labelled, deployments().labels(has("team", "shop"))];
    let workloads = registered(&policies, Argo::Missing).remove(0);
    let condition = workloads.match_conditions.expect("a condition").remove(0);
    insta::assert_snapshot!(condition.expression, @r#"(oldObject == null || object == null || object.spec != oldObject.spec) || (oldObject != null && object != null && !has(object.metadata.deletionTimestamp) && ["team","tier"].exists(k, object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))"#);
}

#[test]
fn namespace_selector_has_labels_that_every_policy_selects_by() {
    let selecting = |value| {
        Match::default()
            .kinds([Kind::Deployment])
            .namespace_labels(has("stage", value))
    };
    let keys = |policies: &[Match]| {
        let workloads = registered(policies, Argo::Missing).remove(0);
        let selector = workloads.namespace_selector.unwrap_or_default();
        let requirements = selector.match_expressions.into_iter().flatten();
        requirements.map(|one| one.key).collect::<Vec<_>>()
    };
    let name = "kubernetes.io/metadata.name";
    let [production, test] = ["production", "test"].map(selecting);
    assert_eq!(
        keys(&[production.clone(), production.clone()]),
        [name, "stage"]
    );
    assert_eq!(keys(&[production.clone(), test]), [name]);
    let everywhere = Match::default().kinds([Kind::Deployment]);
    assert_eq!(keys(&[production, everywhere]), [name]);
}

#[test]
fn kinds_with_the_same_operations_share_a_rule() {
    let policies = [
        Match::default().kinds([Kind::Deployment, Kind::DaemonSet]),
        Match::default()
            .kinds([Kind::Deployment])
            .changes([Change::Delete]),
    ];
    insta::assert_snapshot!(rules(&policies, Argo::Missing).join("\n"), @r"
    workloads: CREATE,DELETE,UPDATE deployments
    workloads: CREATE,UPDATE daemonsets
    ");
}

#[test]
fn namespace_selector_has_names_only_if_every_policy_names_namespaces() {
    let shop = || {
        Match::default()
            .kinds([Kind::Deployment])
            .namespaces(names(["shop"]))
    };
    let bank = || {
        Match::default()
            .kinds([Kind::Service])
            .namespaces(names(["bank", "shop"]))
    };
    let expressions = |policies: &[Match]| {
        let webhooks = registered(policies, Argo::Missing);
        let told = webhooks.iter().map(|webhook| {
            let selector = webhook.namespace_selector.as_ref().expect("a selector");
            let all = selector.match_expressions.iter().flatten();
            let all: Vec<_> = all
                .map(|one| {
                    format!(
                        "{} {}",
                        one.operator,
                        one.values
                            .iter()
                            .flatten()
                            .cloned()
                            .collect::<Vec<_>>()
                            .join(",")
                    )
                })
                .collect();
            format!("{}: {}", webhook.name, all.join("; "))
        });
        told.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(expressions(&[shop(), bank()]), @r"
    workloads.rollgate.dev: NotIn kube-system,system; In shop
    services.rollgate.dev: NotIn kube-system,system; In bank,shop
    ");
    let everywhere = Match::default().kinds([Kind::Deployment]);
    insta::assert_snapshot!(expressions(&[shop(), everywhere]), @"workloads.rollgate.dev: NotIn kube-system,system");
}

#[test]
fn outage_never_stops_autoscaling_and_promotions_only_by_setting() {
    let all = Match::default().changes(Change::ALL);
    let bundle = ByteString(b"CA".to_vec());
    for promotions in [FailurePolicy::Ignore, FailurePolicy::Fail] {
        let settings = WebhookSettings {
            promotions,
            ..settings()
        };
        let all = std::slice::from_ref(&all);
        let webhooks = registered_with(Some(&bundle), all, Argo::Installed, &settings);
        let policies = webhooks.iter().map(|webhook| {
            let policy = webhook.failure_policy.as_deref();
            (webhook.name.as_str(), policy.unwrap_or_default())
        });
        let expected = [
            ("workloads.rollgate.dev", "Fail"),
            ("templates.rollgate.dev", "Fail"),
            ("services.rollgate.dev", "Fail"),
            ("scale.rollgate.dev", "Ignore"),
            ("promotions.rollgate.dev", promotions.as_str()),
        ];
        assert_eq!(policies.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn webhooks_without_a_ca_have_no_rules() {
    let webhooks = registered_with(None, &[Match::default()], Argo::Missing, &settings());
    assert!(!webhooks.is_empty());
    assert!(webhooks.iter().all(|webhook| webhook.rules.is_none()));
}

#[test]
fn bundle_injected_into_one_webhook_counts_for_all() {
    let injected = ValidatingWebhookConfiguration {
        webhooks: Some(registered(
            &[Match::default().kinds([Kind::Service])],
            Argo::Missing,
        )),
        ..configuration::empty(&installation())
    };
    let bundle = configuration::bundle(Trust::AsInjected, Some(&injected));
    assert_eq!(bundle, Some(ByteString(b"CA".to_vec())));
    assert_eq!(configuration::bundle(Trust::AsInjected, None), None);
}

#[test]
fn written_registration_names_its_installation() {
    let blank = configuration::empty(&installation());
    assert_eq!(configuration::owner_namespace(&blank), None);
    let nobody_else = Authority::Injected("system/rollgate".to_owned());
    let written =
        configuration::with_webhooks(blank, Vec::new(), None, &installation(), &nobody_else);
    assert_eq!(configuration::owner_namespace(&written), Some("system"));
}

#[test]
fn changes_by_others_are_reverted_and_their_additions_stay() {
    let wanted = |existing| {
        let owner = OwnerReference {
            kind: "ClusterRole".to_owned(),
            name: "rollgate".to_owned(),
            uid: "new".to_owned(),
            ..OwnerReference::default()
        };
        let authority = Authority::Injected("system/rollgate".to_owned());
        configuration::with_webhooks(
            existing,
            registered(&[Match::default()], Argo::Missing),
            Some(owner),
            &installation(),
            &authority,
        )
    };
    let ours = wanted(configuration::empty(&installation()));
    assert_eq!(wanted(ours.clone()), ours);

    let mut drifted = ours.clone();
    let labels = drifted.metadata.labels.get_or_insert_default();
    labels.insert("team".to_owned(), "platform".to_owned());
    let owners = drifted.metadata.owner_references.get_or_insert_default();
    owners[0].uid = "old".to_owned();
    for webhook in drifted.webhooks.iter_mut().flatten() {
        webhook.failure_policy = Some("Ignore".to_owned());
        webhook.match_conditions.get_or_insert_default().clear();
    }
    let put_back = wanted(drifted);
    assert_eq!(put_back.webhooks, ours.webhooks);
    assert_eq!(
        put_back.metadata.owner_references,
        ours.metadata.owner_references
    );
    assert_eq!(
        put_back
            .metadata
            .labels
            .map(|labels| labels["team"].clone()),
        Some("platform".to_owned())
    );
}
