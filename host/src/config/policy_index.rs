//! Finds the policies that may match an object by its namespace and kind, so that a review costs what the
//! matching policies cost, however many others there are.

use std::collections::HashMap;
use std::iter::Peekable;
use std::slice::Iter;

use rollgate_model::Kind;

use super::{Match, Policy, PolicyName};

/// The numbers of policies in a set, by what they can match.
#[derive(Debug, Default)]
pub(super) struct PolicyIndex {
    by_name: HashMap<PolicyName, usize>,
    anywhere: ByKind,
    in_namespace: HashMap<String, ByKind>,
    /// Those that can match an Argo Rollout that gets another Pod template.
    pub(super) for_templates_of_rollouts: Vec<usize>,
    pub(super) selects_namespaces: bool,
}

/// The numbers of policies for each kind, in ascending order.
#[derive(Debug, Default)]
struct ByKind([Vec<usize>; Kind::ALL.len()]);

impl PolicyIndex {
    pub(super) fn of(policies: &[Policy]) -> Self {
        let mut index = Self::default();
        for (number, policy) in policies.iter().enumerate() {
            index.by_name.entry(policy.name.clone()).or_insert(number);
            index.add(number, &policy.matches);
        }
        index
    }

    fn add(&mut self, number: usize, matches: &Match) {
        self.selects_namespaces |= matches.selects_namespaces();
        if matches.can_match_templates_of_rollouts() {
            self.for_templates_of_rollouts.push(number);
        }
        match matches.only_namespaces() {
            None => self.anywhere.add(number, matches),
            Some(namespaces) => {
                for namespace in namespaces {
                    let there = self.in_namespace.entry(namespace.clone()).or_default();
                    there.add(number, matches);
                }
            }
        }
    }

    pub(super) fn named(&self, name: &PolicyName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Returns the policies that may match an object of this kind in this namespace, in the order of the
    /// set.
    pub(super) fn candidates(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = usize> {
        let there = self.in_namespace.get(namespace);
        Merged {
            one: self.anywhere.of(kind).iter().peekable(),
            other: there
                .map_or(&[][..], |there| there.of(kind))
                .iter()
                .peekable(),
        }
    }
}

impl ByKind {
    fn add(&mut self, number: usize, matches: &Match) {
        for (kind, numbers) in Kind::ALL.into_iter().zip(&mut self.0) {
            if matches.includes(kind) {
                numbers.push(number);
            }
        }
    }

    fn of(&self, kind: Kind) -> &[usize] {
        let of_kind = Kind::ALL.into_iter().position(|known| known == kind);
        of_kind.map_or(&[], |at| &self.0[at])
    }
}

/// Merges two ascending lists.
struct Merged<'a> {
    one: Peekable<Iter<'a, usize>>,
    other: Peekable<Iter<'a, usize>>,
}

impl Iterator for Merged<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = match (self.one.peek(), self.other.peek()) {
            (Some(one), Some(other)) if one > other => &mut self.other,
            (None, _) => &mut self.other,
            _ => &mut self.one,
        };
        next.next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Action, OnError, Refusal, RefusalCause, State};

    fn policy(matches: Match) -> Policy {
        Policy {
            name: PolicyName::cluster("any"),
            matches,
            action: Action::Enforce,
            on_error: OnError::Deny,
            state: State::Refused(Refusal {
                cause: RefusalCause::Load,
                problems: vec![],
            }),
            generation: None,
        }
    }

    fn within(namespaces: &[&str]) -> Match {
        let names = namespaces.iter().map(|name| (*name).to_owned());
        Match::default().namespaces(names.collect())
    }

    #[test]
    fn candidates_are_those_of_the_namespace_and_of_all_in_the_order_of_the_set() {
        let matches = [
            within(&["shop", "bank"]),
            Match::default(),
            within(&["bank"]),
            Match::default(),
            within(&["shop"]),
        ];
        let index = PolicyIndex::of(&matches.map(policy));
        let candidates =
            |namespace| -> Vec<_> { index.candidates(Kind::Deployment, namespace).collect() };
        assert_eq!(candidates("shop"), [0, 1, 3, 4]);
        assert_eq!(candidates("bank"), [0, 1, 2, 3]);
        assert_eq!(candidates("other"), [1, 3]);
    }

    #[test]
    fn policy_for_other_kinds_is_no_candidate() {
        let sets = Match::default().kinds([Kind::StatefulSet]);
        let index = PolicyIndex::of(&[policy(sets), policy(Match::default())]);
        let candidates = |kind| -> Vec<_> { index.candidates(kind, "shop").collect() };
        assert_eq!(candidates(Kind::StatefulSet), [0, 1]);
        assert_eq!(candidates(Kind::Deployment), [1]);
        // A policy that names no kinds matches Services whose selector changes.
        assert_eq!(candidates(Kind::Service), [1]);
    }

    #[test]
    fn policies_of_other_namespaces_are_not_looked_at() {
        let matches = (0..2_000).map(|number| policy(within(&[&format!("team-{number}")])));
        let index = PolicyIndex::of(&matches.collect::<Vec<_>>());
        assert_eq!(index.candidates(Kind::Deployment, "team-7").count(), 1);
        assert_eq!(index.candidates(Kind::Deployment, "shop").count(), 0);
    }
}
