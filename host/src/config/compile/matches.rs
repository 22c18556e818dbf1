//! Compiles which rollouts a policy evaluates.

use std::collections::BTreeSet;
use std::str::FromStr;

use rollgate_model::{Change, Kind};
use rollgate_yaml as yaml;

use super::Mistakes;
use crate::config::policy_spec::{ExpressionSpec, MatchSpec, Operator, SelectorSpec};
use crate::config::{Match, Requirement, Selector};

/// Compiles what a policy matches; `own` is the namespace of the policy.
pub(super) fn matches(own: Option<&str>, spec: &MatchSpec, mistakes: &mut Mistakes) -> Match {
    let mut matches = Match::default()
        .labels(selector(&spec.labels, "/spec/match/labels", mistakes))
        .namespace_labels(namespace_labels(own, spec, mistakes))
        .exclude_namespaces(
            mistakes.namespaces(&spec.exclude_namespaces, "/spec/match/excludeNamespaces"),
        );
    if let Some(kinds) = &spec.kinds {
        let known = Kind::ALL.map(Kind::as_str);
        matches = matches.kinds(words(kinds, &known, "/spec/match/kinds", mistakes));
    }
    if let Some(changes) = &spec.changes {
        let known = Change::ALL.map(Change::as_str);
        matches = matches.changes(words(changes, &known, "/spec/match/changes", mistakes));
    }
    match in_namespaces(own, spec, mistakes) {
        Some(namespaces) => matches.namespaces(namespaces),
        None => matches,
    }
}

/// Compiles what a policy matches if the rest of the policy cannot be read; `None` if the match has
/// mistakes too.
pub(in crate::config) fn matches_alone(own: Option<&str>, spec: &MatchSpec) -> Option<Match> {
    let mut mistakes = Mistakes::default();
    let matches = matches(own, spec, &mut mistakes);
    mistakes.into_result(matches).ok()
}

/// A policy with a namespace evaluates the rollouts in that namespace only.
fn in_namespaces(
    own: Option<&str>,
    spec: &MatchSpec,
    mistakes: &mut Mistakes,
) -> Option<BTreeSet<String>> {
    let listed = spec
        .namespaces
        .as_ref()
        .map(|some| mistakes.some_namespaces(some, "/spec/match/namespaces"));
    if let (Some(own), Some(listed)) = (own, &listed)
        && !listed.contains(own)
    {
        mistakes.add("/spec/match/namespaces", format!(
            "this policy is in the namespace `{own}` and can match no other; use a ClusterRolloutPolicy for several"
        ));
    }
    own.map(|own| BTreeSet::from([own.to_owned()])).or(listed)
}

/// A policy with a namespace matches that namespace anyway, and must not depend on labels that others
/// can write.
fn namespace_labels(own: Option<&str>, spec: &MatchSpec, mistakes: &mut Mistakes) -> Selector {
    const POINTER: &str = "/spec/match/namespaceSelector";
    let Some(selects) = &spec.namespace_selector else {
        return Selector::default();
    };
    if own.is_some() {
        mistakes.add(
            POINTER,
            "a RolloutPolicy matches its own namespace only and cannot select others; use a ClusterRolloutPolicy, or leave it out",
        );
    }
    selector(selects, POINTER, mistakes)
}

fn words<W: FromStr>(
    list: &[String],
    known: &[&'static str],
    pointer: &str,
    mistakes: &mut Mistakes,
) -> Vec<W> {
    mistakes.reject_empty_list(list, pointer);
    let read = |(index, text): (usize, &String)| {
        let word = text.parse().ok();
        if word.is_none() {
            let problem = yaml::FieldProblem::UnknownWord {
                word: text.clone(),
                known: known.to_vec(),
            };
            mistakes.add(format!("{pointer}/{index}"), problem.to_string());
        }
        word
    };
    list.iter().enumerate().filter_map(read).collect()
}

fn selector(spec: &SelectorSpec, pointer: &str, mistakes: &mut Mistakes) -> Selector {
    let equal = spec
        .match_labels
        .iter()
        .map(|(key, value)| Requirement::In(key.clone(), [value.clone()].into()));
    let expressions = spec.match_expressions.iter().enumerate();
    let further = expressions.map(|(index, expression)| {
        requirement(
            expression,
            &format!("{pointer}/matchExpressions/{index}"),
            mistakes,
        )
    });
    Selector::new(equal.chain(further).collect())
}

fn requirement(spec: &ExpressionSpec, pointer: &str, mistakes: &mut Mistakes) -> Requirement {
    let wants_values = matches!(spec.operator, Operator::In | Operator::NotIn);
    match (wants_values, spec.values.is_empty()) {
        (true, true) => mistakes.add(
            pointer,
            format!("the operator `{:?}` needs `values`", spec.operator),
        ),
        (false, false) => {
            mistakes.add(
                format!("{pointer}/values"),
                format!("the operator `{:?}` takes no `values`", spec.operator),
            );
        }
        _ => {}
    }
    let values = || spec.values.iter().cloned().collect();
    match spec.operator {
        Operator::In => Requirement::In(spec.key.clone(), values()),
        Operator::NotIn => Requirement::NotIn(spec.key.clone(), values()),
        Operator::Exists => Requirement::Exists(spec.key.clone()),
        Operator::DoesNotExist => Requirement::DoesNotExist(spec.key.clone()),
    }
}
