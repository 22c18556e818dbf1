//! What the API server is to ask for: a function of the policies.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, ServiceReference, ValidatingWebhook, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use rollgate_model::{Change, Kind};

use super::conditions::Moves;
use super::{FailurePolicy, Settings, conditions};
use crate::cluster::Installation;
use crate::config::{Match, Requirement, Selector};
use crate::server::PathSecret;

/// The label that every namespace has, with its name.
const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Where the cluster's own workloads are. What repairs a cluster must not wait for rollgate.
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
const SWITCHES: [Change; 2] = [Change::Release, Change::Rollback];

/// The classes of change that an update of a Rollout's status can be.
const PROMOTIONS: [Change; 3] = [Change::Release, Change::Resume, Change::Rollback];

/// What is known of the cluster that the API server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argo {
    Installed,
    Missing,
}

impl Argo {
    /// The kinds that exist.
    fn kinds(self) -> impl Iterator<Item = Kind> {
        let exists = move |kind: &Kind| *kind != Kind::Rollout || self == Self::Installed;
        Kind::ALL.into_iter().filter(exists)
    }
}

/// How the API server reaches rollgate.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Whom it is to trust; without anybody nothing is asked for yet.
    pub(super) bundle: Option<&'a ByteString>,
    /// What stands in the path.
    pub(super) path: &'a PathSecret,
}

/// What asks for the rollouts that these policies judge, all fields written out as the API server
/// gives them back.
pub(super) fn webhooks(
    policies: &[&Match],
    argo: Argo,
    installation: &Installation,
    settings: &Settings,
    target: Target<'_>,
) -> Vec<ValidatingWebhook> {
    let entries = [
        workloads(policies, argo, settings),
        services(policies, settings),
        scale(policies, argo),
        promotions(policies, argo, settings),
    ];
    let entries = entries
        .into_iter()
        .filter(|entry| !entry.asked.0.is_empty());
    entries
        .map(|entry| entry.webhook(installation, settings, target))
        .collect()
}

/// One webhook: requests that are asked for in the same way.
struct Entry<'a> {
    name: &'static str,
    failure_policy: FailurePolicy,
    conditions: Vec<MatchCondition>,
    asked: Asked<'a>,
}

fn workloads<'a>(policies: &[&'a Match], argo: Argo, settings: &Settings) -> Entry<'a> {
    let kinds = argo.kinds().filter(|kind| *kind != Kind::Service);
    let asked = kinds.flat_map(|kind| {
        [
            (kind, "", "CREATE", &[Change::Create][..]),
            (kind, "", "UPDATE", &UPDATES[..]),
            (kind, "", "DELETE", &[Change::Delete][..]),
        ]
    });
    let asked = Asked::by(policies, asked);
    Entry {
        name: "workloads.rollgate.dev",
        failure_policy: settings.failure_policy,
        conditions: vec![conditions::changed_spec(&asked.labels())],
        asked,
    }
}

fn services<'a>(policies: &[&'a Match], settings: &Settings) -> Entry<'a> {
    let moves = if policies.iter().any(|policy| policy.names(Kind::Service)) {
        Moves::Any
    } else {
        Moves::Selector
    };
    let questions = [
        (Kind::Service, "", "CREATE", &[Change::Create][..]),
        (Kind::Service, "", "UPDATE", &SWITCHES[..]),
    ];
    let asked = Asked::by(policies, questions);
    let argo = &settings.argo_controllers;
    Entry {
        name: "services.rollgate.dev",
        failure_policy: settings.failure_policy,
        conditions: vec![conditions::moves_traffic(moves, argo, &asked.labels())],
        asked,
    }
}

/// An outage must not stop autoscaling.
fn scale<'a>(policies: &[&'a Match], argo: Argo) -> Entry<'a> {
    let kinds = argo
        .kinds()
        .filter(|kind| !matches!(kind, Kind::Service | Kind::DaemonSet));
    let asked = kinds.map(|kind| (kind, "/scale", "UPDATE", &[Change::Scale][..]));
    Entry {
        name: "scale.rollgate.dev",
        failure_policy: FailurePolicy::Ignore,
        conditions: vec![conditions::changed_spec(&BTreeSet::new())],
        asked: Asked::by(policies, asked),
    }
}

/// Argo promotes by a patch of the status. An abort is one too, which is not asked about, since it must not
/// depend on rollgate. Whether an outage may stop the others is for a person to say: where Argo's controller
/// has a name that is not known here, they are its own steps.
fn promotions<'a>(policies: &[&'a Match], argo: Argo, settings: &Settings) -> Entry<'a> {
    let kinds = argo.kinds().filter(|kind| *kind == Kind::Rollout);
    let asked = kinds.map(|kind| (kind, "/status", "UPDATE", &PROMOTIONS[..]));
    Entry {
        name: "promotions.rollgate.dev",
        failure_policy: settings.promotions,
        conditions: vec![
            conditions::by_others_than(&settings.argo_controllers),
            conditions::more_than_an_abort(),
        ],
        asked: Asked::by(policies, asked),
    }
}

/// A kind, a subresource of it, an operation, and the classes of change that it can be.
type Question<'c> = (Kind, &'static str, &'static str, &'c [Change]);

/// The operations asked for by group and resource, and the policies that ask.
struct Asked<'a>(
    BTreeMap<(&'static str, String), BTreeSet<&'static str>>,
    Vec<&'a Match>,
);

impl<'a> Asked<'a> {
    fn by<'c>(policies: &[&'a Match], questions: impl IntoIterator<Item = Question<'c>>) -> Self {
        let mut asked = Self(BTreeMap::new(), Vec::new());
        for (kind, sub_resource, operation, changes) in questions {
            let is_update = operation == "UPDATE" && sub_resource.is_empty();
            let asks = |policy: &&&Match| {
                changes.iter().any(|one| policy.can_match(kind, *one))
                    || (is_update && policy.can_be_left_by(kind))
            };
            let asking: Vec<&Match> = policies.iter().filter(asks).copied().collect();
            if asking.is_empty() {
                continue;
            }
            let (group, plural) = resource(kind);
            let resource = (group, format!("{plural}{sub_resource}"));
            asked.0.entry(resource).or_default().insert(operation);
            asked.1.extend(asking);
        }
        asked
    }

    /// Resources with the same operations share a rule.
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

    /// The only namespaces in question; `None` where that may be any.
    fn namespaces(&self) -> Option<BTreeSet<&'a str>> {
        let mut all = BTreeSet::new();
        for policy in &self.1 {
            all.extend(policy.only_namespaces()?.iter().map(String::as_str));
        }
        Some(all)
    }

    /// The labels that all namespaces in question have. A selector of labels cannot say "one or the
    /// other", so policies that select differently are asked for everywhere, and the host tells.
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

    /// The labels that policies match objects by.
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
        settings: &Settings,
        target: Target<'_>,
    ) -> ValidatingWebhook {
        let rules = target.bundle.map(|_| self.asked.rules());
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
            namespace_selector: Some(selector(installation, &self.asked)),
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
    settings: &Settings,
    path: &PathSecret,
) -> ServiceReference {
    ServiceReference {
        name: installation.name.clone(),
        namespace: installation.namespace.clone(),
        path: Some(path.path()),
        port: Some(settings.port.into()),
    }
}

fn selector(installation: &Installation, asked: &Asked<'_>) -> LabelSelector {
    let exempt = vec![SYSTEM.to_owned(), installation.namespace.clone()];
    let mut requirements = vec![requirement(NAMESPACE, "NotIn", Some(exempt))];
    if let Some(only) = asked.namespaces() {
        let only = only.into_iter().map(str::to_owned).collect();
        requirements.push(requirement(NAMESPACE, "In", Some(only)));
    }
    requirements.extend(asked.namespace_labels().iter().map(of_policies));
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
