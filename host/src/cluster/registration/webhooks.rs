//! The webhooks of the registration: a function of the policies.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, ServiceReference, ValidatingWebhook, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use rollgate_model::{Change, Kind};

use super::match_conditions::{self, ServiceChanges};
use super::{FailurePolicy, WebhookSettings};
use crate::cluster::Installation;
use crate::config::{Match, Requirement, Selector};
use crate::server::PathSecret;

/// The label of every namespace with its name.
const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// The namespace of the cluster's own workloads, which must not depend on rollgate.
const SYSTEM: &str = "kube-system";

/// The classes of change that an update of an object can be.
const UPDATES: [Change; 6] = [
    Change::Restart,
    Change::Rollback,
    Change::RollForward,
    Change::Resume,
    Change::Release,
    Change::Scale,
];

/// The classes of change that an update of a Service can be.
const SERVICE_UPDATES: [Change; 2] = [Change::Release, Change::Rollback];

/// The classes of change that an update of a Rollout's status can be.
const PROMOTIONS: [Change; 3] = [Change::Release, Change::Resume, Change::Rollback];

/// Whether the cluster has Argo Rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argo {
    Installed,
    Missing,
}

impl Argo {
    fn kinds(self) -> impl Iterator<Item = Kind> {
        let exists = move |kind: &Kind| *kind != Kind::Rollout || self == Self::Installed;
        Kind::ALL.into_iter().filter(exists)
    }
}

/// How the API server reaches rollgate.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// The CAs that it is to trust. Without any, the webhooks have no rules.
    pub(super) bundle: Option<&'a ByteString>,
    pub(super) path: &'a PathSecret,
}

/// Returns the webhooks for the rollouts that these policies match, with all defaults, as the API server
/// returns them.
pub(super) fn webhooks(
    policies: &[&Match],
    argo: Argo,
    installation: &Installation,
    settings: &WebhookSettings,
    target: Target<'_>,
) -> Vec<ValidatingWebhook> {
    let entries = [
        workloads(policies, argo, settings),
        templates(policies, argo, settings),
        services(policies, settings),
        scale(policies, argo),
        promotions(policies, argo, settings),
    ];
    let entries = entries
        .into_iter()
        .filter(|entry| !entry.matched.0.is_empty());
    entries
        .map(|entry| entry.webhook(installation, settings, target))
        .collect()
}

/// One webhook, before it is rendered.
struct Entry<'a> {
    name: &'static str,
    failure_policy: FailurePolicy,
    conditions: Vec<MatchCondition>,
    matched: MatchedRequests<'a>,
}

fn workloads<'a>(policies: &[&'a Match], argo: Argo, settings: &WebhookSettings) -> Entry<'a> {
    let kinds = argo.kinds().filter(|kind| *kind != Kind::Service);
    let matched = kinds.flat_map(|kind| {
        [
            (kind, "", "CREATE", &[Change::Create][..]),
            (kind, "", "UPDATE", &UPDATES[..]),
            (kind, "", "DELETE", &[Change::Delete][..]),
        ]
    });
    let mut matched = MatchedRequests::by(policies, matched);
    matched.add(
        &of_rollouts(policies, argo),
        &[("apps", "deployments")],
        &["CREATE", "UPDATE"],
    );
    Entry {
        name: "workloads.rollgate.dev",
        failure_policy: settings.failure_policy,
        conditions: vec![match_conditions::changed_spec(&matched.labels())],
        matched,
    }
}

/// The objects besides Deployments from which Argo Rollouts may take their Pod template. With another
/// template, a Rollout rolls out although nobody changes it.
fn templates<'a>(policies: &[&'a Match], argo: Argo, settings: &WebhookSettings) -> Entry<'a> {
    let mut matched = MatchedRequests(BTreeMap::new(), Vec::new());
    matched.add(
        &of_rollouts(policies, argo),
        &[("apps", "replicasets"), ("", "podtemplates")],
        &["CREATE", "UPDATE"],
    );
    Entry {
        name: "templates.rollgate.dev",
        failure_policy: settings.failure_policy,
        conditions: vec![
            match_conditions::changed_template(),
            match_conditions::no_revision(),
        ],
        matched,
    }
}

/// Returns the policies that can match an Argo Rollout that gets another Pod template.
fn of_rollouts<'a>(policies: &[&'a Match], argo: Argo) -> Vec<&'a Match> {
    let matching = policies.iter().copied();
    let matching = matching.filter(|policy| policy.can_match_templates_of_rollouts());
    match argo {
        Argo::Installed => matching.collect(),
        Argo::Missing => Vec::new(),
    }
}

fn services<'a>(policies: &[&'a Match], settings: &WebhookSettings) -> Entry<'a> {
    let changes = if policies.iter().any(|policy| policy.names(Kind::Service)) {
        ServiceChanges::Any
    } else {
        ServiceChanges::Selector
    };
    let requests = [
        (Kind::Service, "", "CREATE", &[Change::Create][..]),
        (Kind::Service, "", "UPDATE", &SERVICE_UPDATES[..]),
    ];
    let matched = MatchedRequests::by(policies, requests);
    let argo = &settings.argo_controllers;
    Entry {
        name: "services.rollgate.dev",
        failure_policy: settings.failure_policy,
        conditions: vec![match_conditions::moves_traffic(
            changes,
            argo,
            &matched.labels(),
        )],
        matched,
    }
}

/// It never fails closed: an outage must not stop autoscaling.
fn scale<'a>(policies: &[&'a Match], argo: Argo) -> Entry<'a> {
    let kinds = argo
        .kinds()
        .filter(|kind| !matches!(kind, Kind::Service | Kind::DaemonSet));
    let matched = kinds.map(|kind| (kind, "/scale", "UPDATE", &[Change::Scale][..]));
    Entry {
        name: "scale.rollgate.dev",
        failure_policy: FailurePolicy::Ignore,
        conditions: vec![match_conditions::changed_spec(&BTreeSet::new())],
        matched: MatchedRequests::by(policies, matched),
    }
}

/// Argo promotes by a patch of the status. An abort is such a patch, too; it must not depend on rollgate
/// and is not matched. Whether an outage may stop the others is a setting: if the user of Argo's controller
/// is not configured, they are steps of its own.
fn promotions<'a>(policies: &[&'a Match], argo: Argo, settings: &WebhookSettings) -> Entry<'a> {
    let kinds = argo.kinds().filter(|kind| *kind == Kind::Rollout);
    let matched = kinds.map(|kind| (kind, "/status", "UPDATE", &PROMOTIONS[..]));
    Entry {
        name: "promotions.rollgate.dev",
        failure_policy: settings.promotions,
        conditions: vec![
            match_conditions::by_others_than(&settings.argo_controllers),
            match_conditions::more_than_an_abort(),
        ],
        matched: MatchedRequests::by(policies, matched),
    }
}

/// A kind, its subresource, an operation, and the classes of change that such a request can be.
type Request<'c> = (Kind, &'static str, &'static str, &'c [Change]);

/// Operations by group and resource, and the policies that match them.
struct MatchedRequests<'a>(
    BTreeMap<(&'static str, String), BTreeSet<&'static str>>,
    Vec<&'a Match>,
);

impl<'a> MatchedRequests<'a> {
    fn by<'c>(policies: &[&'a Match], requests: impl IntoIterator<Item = Request<'c>>) -> Self {
        let mut matched = Self(BTreeMap::new(), Vec::new());
        for (kind, sub_resource, operation, changes) in requests {
            let is_update = operation == "UPDATE" && sub_resource.is_empty();
            let matches = |policy: &&&Match| {
                changes.iter().any(|one| policy.can_match(kind, *one))
                    || (is_update && policy.can_be_left_by(kind))
            };
            let matching: Vec<&Match> = policies.iter().filter(matches).copied().collect();
            if matching.is_empty() {
                continue;
            }
            let (group, plural) = resource(kind);
            let resource = (group, format!("{plural}{sub_resource}"));
            matched.0.entry(resource).or_default().insert(operation);
            matched.1.extend(matching);
        }
        matched
    }

    /// Adds requests that these policies need to see.
    fn add(
        &mut self,
        policies: &[&'a Match],
        resources: &[(&'static str, &str)],
        operations: &[&'static str],
    ) {
        if policies.is_empty() {
            return;
        }
        for (group, resource) in resources {
            let entry = self.0.entry((group, (*resource).to_owned())).or_default();
            entry.extend(operations);
        }
        self.1.extend(policies);
    }

    /// Returns the rules. Resources with the same operations share one.
    fn rules(&self) -> Vec<RuleWithOperations> {
        let mut rules: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for ((group, resource), operations) in &self.0 {
            let like = rules.entry((group, operations)).or_default();
            like.push(resource.clone());
        }
        let rule =
            |((group, operations), resources): ((&&str, &BTreeSet<&str>), _)| RuleWithOperations {
                api_groups: Some(vec![(*group).to_owned()]),
                api_versions: Some(vec![version(group).to_owned()]),
                operations: Some(operations.iter().map(ToString::to_string).collect()),
                resources: Some(resources),
                scope: Some("Namespaced".to_owned()),
            };
        rules.into_iter().map(rule).collect()
    }

    /// Returns the only namespaces that policies match; `None` if any may.
    fn namespaces(&self) -> Option<BTreeSet<&'a str>> {
        let mut all = BTreeSet::new();
        for policy in &self.1 {
            all.extend(policy.only_namespaces()?.iter().map(String::as_str));
        }
        Some(all)
    }

    /// Returns the labels that all policies select namespaces by. A label selector cannot express
    /// alternatives, so if policies select differently, requests of all namespaces are sent and rollgate
    /// selects.
    fn namespace_labels(&self) -> &'a [Requirement] {
        let mut selectors = self.1.iter().map(|policy| policy.namespace_selector());
        let Some(first) = selectors.next() else {
            return &[];
        };
        if selectors.all(|selector| selector == first) {
            first.requirements()
        } else {
            &[]
        }
    }

    /// Returns the labels that policies match objects by.
    fn labels(&self) -> BTreeSet<&'a str> {
        let selectors = self.1.iter().map(|policy| policy.object_selector());
        let requirements = selectors.flat_map(Selector::requirements);
        requirements.map(Requirement::key).collect()
    }
}

const fn resource(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Deployment => ("apps", "deployments"),
        Kind::StatefulSet => ("apps", "statefulsets"),
        Kind::DaemonSet => ("apps", "daemonsets"),
        Kind::Rollout => ("argoproj.io", "rollouts"),
        Kind::Service => ("", "services"),
    }
}

fn version(group: &str) -> &'static str {
    match group {
        "argoproj.io" => "v1alpha1",
        _ => "v1",
    }
}

impl Entry<'_> {
    fn webhook(
        self,
        installation: &Installation,
        settings: &WebhookSettings,
        target: Target<'_>,
    ) -> ValidatingWebhook {
        let rules = target.bundle.map(|_| self.matched.rules());
        ValidatingWebhook {
            name: self.name.to_owned(),
            client_config: WebhookClientConfig {
                ca_bundle: target.bundle.cloned(),
                service: Some(service(installation, settings, target.path)),
                url: None,
            },
            rules,
            failure_policy: Some(self.failure_policy.as_str().to_owned()),
            match_policy: Some("Equivalent".to_owned()),
            namespace_selector: Some(selector(installation, &self.matched)),
            object_selector: Some(LabelSelector::default()),
            match_conditions: Some(self.conditions),
            side_effects: "NoneOnDryRun".to_owned(),
            timeout_seconds: Some(settings.timeout.into()),
            admission_review_versions: vec!["v1".to_owned()],
        }
    }
}

fn service(
    installation: &Installation,
    settings: &WebhookSettings,
    path: &PathSecret,
) -> ServiceReference {
    ServiceReference {
        name: installation.name.clone(),
        namespace: installation.namespace.clone(),
        path: Some(path.path()),
        port: Some(settings.port.into()),
    }
}

fn selector(installation: &Installation, matched: &MatchedRequests<'_>) -> LabelSelector {
    let exempt = vec![SYSTEM.to_owned(), installation.namespace.clone()];
    let mut requirements = vec![requirement(NAMESPACE, "NotIn", Some(exempt))];
    if let Some(only) = matched.namespaces() {
        let only = only.into_iter().map(str::to_owned).collect();
        requirements.push(requirement(NAMESPACE, "In", Some(only)));
    }
    requirements.extend(matched.namespace_labels().iter().map(of_policies));
    LabelSelector {
        match_expressions: Some(requirements),
        match_labels: None,
    }
}

fn of_policies(of_policies: &Requirement) -> LabelSelectorRequirement {
    let values = |values: &BTreeSet<String>| Some(values.iter().cloned().collect());
    match of_policies {
        Requirement::In(key, some) => requirement(key, "In", values(some)),
        Requirement::NotIn(key, some) => requirement(key, "NotIn", values(some)),
        Requirement::Exists(key) => requirement(key, "Exists", None),
        Requirement::DoesNotExist(key) => requirement(key, "DoesNotExist", None),
    }
}

fn requirement(key: &str, operator: &str, values: Option<Vec<String>>) -> LabelSelectorRequirement {
    LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    }
}
