//! Spread over nodes and zones.

use rollgate_sdk::Workload;
use rollgate_sdk::neighbours::LabelSelector;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::scale::Replicas;
use serde::Deserialize;

use crate::rules::Rule;

/// Checks that the replicas do not share one node, and that what spreads them selects them.
pub(crate) fn check(workload: &Workload, replicas: &Replicas, report: &mut Report<'_, Rule>) {
    if replicas.fewest < 2 {
        return;
    }
    let terms = terms(workload);
    if terms.is_empty() {
        report.add(Rule::NotSpread, || not_spread(workload, replicas.fewest));
    }
    let labels = workload.pod_labels();
    for term in &terms {
        if !term.selects(&labels) {
            report.add(Rule::SpreadSelectsNothing, || selects_nothing(term));
        }
    }
}

fn not_spread(workload: &Workload, number: i32) -> Problem {
    Problem {
        path: workload.pod_path("topologySpreadConstraints"),
        message: format!(
            "Nothing but the scheduler's own preference keeps the {number} replicas apart: if all \
             land on one node, they are gone with it."
        ),
        found: "neither topologySpreadConstraints nor podAntiAffinity".to_owned(),
        expected: "one of them".to_owned(),
        hint: "Add a topologySpreadConstraint with topologyKey kubernetes.io/hostname or \
               topology.kubernetes.io/zone."
            .to_owned(),
    }
}

fn selects_nothing(term: &Term) -> Problem {
    Problem {
        path: [&term.path, "/labelSelector"].concat(),
        message: format!(
            "This {} does not spread the Pods: its labelSelector does not select the labels of \
             their own template.",
            term.what.as_str()
        ),
        found: match &term.selector {
            None => "no labelSelector",
            Some(_) => "a labelSelector of other labels",
        }
        .to_owned(),
        expected: "labels of spec.template.metadata.labels".to_owned(),
        hint: "Use the labels of spec.selector.matchLabels.".to_owned(),
    }
}

/// Something that keeps Pods apart.
struct Term {
    what: What,
    path: String,
    selector: Option<LabelSelector>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Constraint,
    AntiAffinity,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Constraint => "topologySpreadConstraint",
            Self::AntiAffinity => "podAntiAffinity",
        }
    }
}

impl Term {
    /// Without a selector, neither counts any Pod; an empty one makes a constraint count none
    /// (`countPodsMatchSelector` of the scheduler's plugin `PodTopologySpread`), and an
    /// anti-affinity all.
    fn selects(&self, labels: &[(String, String)]) -> bool {
        self.selector.as_ref().is_some_and(|selector| {
            let counts = self.what == What::AntiAffinity || *selector != LabelSelector::default();
            counts && selector.selects(labels)
        })
    }
}

/// A constraint, or the term of an anti-affinity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    label_selector: Option<LabelSelector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Weighted {
    pod_affinity_term: Written,
}

fn terms(workload: &Workload) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut add = |what, path: String, written: Written| {
        terms.push(Term {
            what,
            path,
            selector: written.label_selector,
        });
    };
    let path = workload.pod_path("topologySpreadConstraints");
    for (index, written) in list::<Written>(workload, &path).into_iter().enumerate() {
        add(What::Constraint, format!("{path}/{index}"), written);
    }
    let affinity = workload.pod_path("affinity/podAntiAffinity");
    let path = [&affinity, "/requiredDuringSchedulingIgnoredDuringExecution"].concat();
    for (index, written) in list::<Written>(workload, &path).into_iter().enumerate() {
        add(What::AntiAffinity, format!("{path}/{index}"), written);
    }
    let path = [
        &affinity,
        "/preferredDuringSchedulingIgnoredDuringExecution",
    ]
    .concat();
    for (index, weighted) in list::<Weighted>(workload, &path).into_iter().enumerate() {
        let path = format!("{path}/{index}/podAffinityTerm");
        add(What::AntiAffinity, path, weighted.pod_affinity_term);
    }
    terms
}

/// Reads a list of the Pod template. What the API server would refuse counts as absent.
fn list<T: serde::de::DeserializeOwned>(workload: &Workload, path: &str) -> Vec<T> {
    workload.read(path).ok().flatten().unwrap_or_default()
}
