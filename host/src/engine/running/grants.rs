//! Grants: which metric sources and objects a policy may query, and how often. Every host call that
//! leaves the process is checked here.

use std::collections::BTreeSet;
use std::fmt;

use rollgate_model::host_calls;

use crate::sources::{Requester, Scope};

/// What a policy may query from metrics and the cluster. Nothing is granted by default; clock and log
/// need no grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Names of metric sources.
    pub metrics: BTreeSet<String>,
    /// The namespace of the policy, if it has one: a metric source gives it only what is for that
    /// namespace.
    pub namespace: Option<String>,
    /// Kinds of objects in the cluster.
    pub cluster: Vec<ClusterGrant>,
    /// What happens to other host calls.
    pub ungranted: Ungranted,
}

/// What happens to a host call that no grant covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ungranted {
    /// It is refused.
    #[default]
    Refused,
    /// It is made. For scenarios, which report themselves what they have no answer for.
    Made,
}

/// Permission to read the objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterGrant {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `ReplicaSet`; never `Secret`.
    pub kind: String,
    /// The namespaces; `None` means [`Scope::AllNamespaces`].
    pub namespaces: Option<BTreeSet<String>>,
}

/// A host call that needs a grant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostCall<'a> {
    /// A query to a metric source.
    Metrics { source: &'a str },
    /// A query for objects of one kind.
    Cluster {
        api_version: &'a str,
        kind: &'a str,
        scope: Scope<'a>,
    },
}

/// Why a host call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallRefused {
    /// There is no grant for it; the message names what is missing.
    NotGranted(String),
    /// The evaluation has made too many calls.
    TooMany(String),
}

/// The number of host calls that one evaluation may still make.
#[derive(Debug)]
pub(crate) struct CallBudget(u32);

impl Default for CallBudget {
    fn default() -> Self {
        Self(host_calls::LIMIT)
    }
}

impl Grants {
    /// Checks whether a policy may make a call, and counts it.
    pub(crate) fn check(
        &self,
        call: HostCall<'_>,
        budget: &mut CallBudget,
    ) -> Result<(), CallRefused> {
        let covered = match call {
            HostCall::Metrics { source } => self.metrics.contains(source),
            HostCall::Cluster { kind, .. } if host_calls::is_secret(kind) => {
                return Err(CallRefused::NotGranted(host_calls::NO_SECRETS.into()));
            }
            HostCall::Cluster {
                api_version,
                kind,
                scope,
            } => self
                .cluster
                .iter()
                .any(|grant| grant.covers(api_version, kind, scope)),
        };
        if !covered && self.ungranted == Ungranted::Refused {
            return Err(CallRefused::NotGranted(self.missing_grant(call)));
        }
        let left = budget.0.checked_sub(1);
        budget.0 = left.ok_or_else(|| CallRefused::TooMany(host_calls::limit_message()))?;
        Ok(())
    }

    /// Returns on whose behalf the policy queries metric sources.
    pub(crate) fn requester(&self) -> Requester<'_> {
        match &self.namespace {
            Some(namespace) => Requester::Namespace(namespace),
            None => Requester::Operator,
        }
    }

    fn missing_grant(&self, call: HostCall<'_>) -> String {
        match call {
            HostCall::Metrics { source } => {
                let names: Vec<_> = self
                    .metrics
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect();
                let granted = match names.as_slice() {
                    [] => "it has no grant for any source".into(),
                    names => format!("it has grants for {}", names.join(", ")),
                };
                format!(
                    "the policy has no grant for the metrics source `{source}` ({granted}); add it to `grants.metrics`"
                )
            }
            HostCall::Cluster {
                api_version,
                kind,
                scope,
            } => format!(
                "the policy has no grant to read {kind} ({api_version}) in {scope}; add it to `grants.cluster`"
            ),
        }
    }
}

impl ClusterGrant {
    /// Returns each scope that the grant covers.
    pub(crate) fn scopes(&self) -> Vec<Scope<'_>> {
        match &self.namespaces {
            None => vec![Scope::AllNamespaces],
            Some(names) => names.iter().map(|name| Scope::Namespace(name)).collect(),
        }
    }

    fn covers(&self, api_version: &str, kind: &str, scope: Scope<'_>) -> bool {
        let in_scope = match (&self.namespaces, scope) {
            (None, _) => true,
            (Some(_), Scope::AllNamespaces) => false,
            (Some(names), Scope::Namespace(name)) => names.contains(name),
        };
        self.api_version == api_version && self.kind == kind && in_scope
    }
}

/// Names what a policy waits for during the call.
impl fmt::Display for HostCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metrics { source } => write!(f, "the metrics source `{source}`"),
            Self::Cluster { kind, .. } => write!(f, "{kind} objects of the cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: Scope<'_> = Scope::Namespace("shop");

    fn grants() -> Grants {
        Grants {
            metrics: BTreeSet::from(["prod".to_owned()]),
            namespace: None,
            cluster: vec![
                ClusterGrant {
                    api_version: "v1".into(),
                    kind: "Pod".into(),
                    namespaces: Some(BTreeSet::from(["shop".into()])),
                },
                ClusterGrant {
                    api_version: "apps/v1".into(),
                    kind: "ReplicaSet".into(),
                    namespaces: None,
                },
            ],
            ungranted: Ungranted::Refused,
        }
    }

    fn pods(scope: Scope<'_>) -> HostCall<'_> {
        HostCall::Cluster {
            api_version: "v1",
            kind: "Pod",
            scope,
        }
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let none = Grants::default();
        assert!(
            none.check(
                HostCall::Metrics { source: "prod" },
                &mut CallBudget::default()
            )
            .is_err()
        );
        assert!(none.check(pods(SHOP), &mut CallBudget::default()).is_err());
    }

    #[test]
    fn grant_covers_only_its_own_source_kind_and_namespace() {
        let mut budget = CallBudget::default();
        assert_eq!(
            grants().check(HostCall::Metrics { source: "prod" }, &mut budget),
            Ok(())
        );
        assert!(
            grants()
                .check(HostCall::Metrics { source: "PROD" }, &mut budget)
                .is_err()
        );
        assert_eq!(grants().check(pods(SHOP), &mut budget), Ok(()));
        assert!(
            grants()
                .check(pods(Scope::Namespace("bank")), &mut budget)
                .is_err()
        );
        assert!(
            grants()
                .check(pods(Scope::AllNamespaces), &mut budget)
                .is_err(),
            "all namespaces is more than one"
        );
        let everywhere = HostCall::Cluster {
            api_version: "apps/v1",
            kind: "ReplicaSet",
            scope: Scope::AllNamespaces,
        };
        assert_eq!(grants().check(everywhere, &mut budget), Ok(()));
    }

    #[test]
    fn secrets_are_refused_even_with_a_grant() {
        let spellings = [
            ("v1", "Secret"),
            ("v1", "secrets"),
            ("vault.example/v1", "Secret"),
        ];
        for (api_version, kind) in spellings {
            let open = Grants {
                metrics: BTreeSet::new(),
                namespace: None,
                cluster: vec![ClusterGrant {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    namespaces: None,
                }],
                ungranted: Ungranted::Made,
            };
            let call = HostCall::Cluster {
                api_version,
                kind,
                scope: SHOP,
            };
            let result = open.check(call, &mut CallBudget::default());
            assert!(result.is_err(), "{kind} of {api_version}");
        }
    }

    #[test]
    fn calls_beyond_the_budget_are_refused() {
        let mut budget = CallBudget::default();
        let answers: Vec<_> = (0..=host_calls::LIMIT)
            .map(|_| grants().check(pods(SHOP), &mut budget))
            .collect();
        assert!(
            answers[..host_calls::LIMIT as usize]
                .iter()
                .all(Result::is_ok)
        );
        assert!(matches!(
            answers[host_calls::LIMIT as usize],
            Err(CallRefused::TooMany(_))
        ));
    }
}
