//! The one gate before every host call that reaches the world: it denies by default.

use std::collections::BTreeSet;
use std::fmt;

use rollgate_model::host_calls;

/// What a policy may ask of metrics and the cluster. Nothing is granted by default; clock and log
/// need no grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Names of metric sources.
    pub metrics: BTreeSet<String>,
    /// Kinds of the cluster's objects.
    pub cluster: Vec<ClusterGrant>,
    /// What is neither.
    pub others: Others,
}

/// What becomes of a question that no grant names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// It is refused.
    #[default]
    Refused,
    /// It is let through. For the world of a scenario, which says itself what it does not answer.
    Asked,
}

/// Allows reading the objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterGrant {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `ReplicaSet`; never `Secret`.
    pub kind: String,
    /// Where; `None` means every namespace and cluster-scoped objects.
    pub namespaces: Option<BTreeSet<String>>,
}

/// What a guest asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask<'a> {
    /// A query to a metrics source.
    Metrics { source: &'a str },
    /// Objects of one kind; an empty namespace means all of them.
    Cluster {
        api_version: &'a str,
        kind: &'a str,
        namespace: &'a str,
    },
}

/// What is being waited for, once the gate is open.
impl fmt::Display for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metrics { source } => write!(f, "the metrics source `{source}`"),
            Self::Cluster { kind, .. } => write!(f, "{kind} objects of the cluster"),
        }
    }
}

/// Why the gate stays shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// There is no grant for it; the message names what is missing.
    NotGranted(String),
    /// The evaluation has asked too often.
    Spent(String),
}

/// Host calls that one evaluation may still make.
#[derive(Debug)]
pub(super) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(host_calls::LIMIT)
    }
}

impl Grants {
    /// Opens the gate for one call, or says why not.
    pub(super) fn admit(&self, ask: Ask<'_>, budget: &mut Budget) -> Result<(), Shut> {
        match ask {
            Ask::Metrics { source }
                if self.others == Others::Asked || self.metrics.contains(source) => {}
            Ask::Metrics { source } => return Err(Shut::NotGranted(self.no_source(source))),
            Ask::Cluster {
                api_version,
                kind,
                namespace,
            } => self.admit_cluster(api_version, kind, namespace)?,
        }
        let left = budget.0.checked_sub(1);
        budget.0 = left.ok_or_else(|| Shut::Spent(host_calls::limit_message()))?;
        Ok(())
    }

    fn admit_cluster(&self, api_version: &str, kind: &str, namespace: &str) -> Result<(), Shut> {
        if host_calls::is_secret(kind) {
            return Err(Shut::NotGranted(host_calls::NO_SECRETS.into()));
        }
        let named = self.cluster.iter().any(|grant| {
            grant.api_version == api_version
                && grant.kind == kind
                && grant
                    .namespaces
                    .as_ref()
                    .is_none_or(|names| names.contains(namespace))
        });
        if named || self.others == Others::Asked {
            return Ok(());
        }
        let place = if namespace.is_empty() {
            "all namespaces".into()
        } else {
            format!("namespace `{namespace}`")
        };
        Err(Shut::NotGranted(format!(
            "the policy has no grant to read {kind} ({api_version}) in {place}; add it to `grants.cluster`"
        )))
    }

    fn no_source(&self, source: &str) -> String {
        let granted = if self.metrics.is_empty() {
            "no source is granted to it".into()
        } else {
            let names: Vec<_> = self
                .metrics
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            format!("granted are {}", names.join(", "))
        };
        format!(
            "the policy has no grant for the metrics source `{source}` ({granted}); add it to `grants.metrics`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants() -> Grants {
        Grants {
            metrics: BTreeSet::from(["prod".to_owned()]),
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
            others: Others::Refused,
        }
    }

    fn pods<'a>(namespace: &'a str) -> Ask<'a> {
        Ask::Cluster {
            api_version: "v1",
            kind: "Pod",
            namespace,
        }
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let none = Grants::default();
        assert!(
            none.admit(Ask::Metrics { source: "prod" }, &mut Budget::default())
                .is_err()
        );
        assert!(none.admit(pods("shop"), &mut Budget::default()).is_err());
    }

    #[test]
    fn a_grant_opens_only_its_own_source_kind_and_namespace() {
        let mut budget = Budget::default();
        assert_eq!(
            grants().admit(Ask::Metrics { source: "prod" }, &mut budget),
            Ok(())
        );
        assert!(
            grants()
                .admit(Ask::Metrics { source: "PROD" }, &mut budget)
                .is_err()
        );
        assert_eq!(grants().admit(pods("shop"), &mut budget), Ok(()));
        assert!(grants().admit(pods("bank"), &mut budget).is_err());
        assert!(
            grants().admit(pods(""), &mut budget).is_err(),
            "all namespaces is more than one"
        );
        let everywhere = Ask::Cluster {
            api_version: "apps/v1",
            kind: "ReplicaSet",
            namespace: "",
        };
        assert_eq!(grants().admit(everywhere, &mut budget), Ok(()));
    }

    #[test]
    fn secrets_stay_shut_even_with_a_grant() {
        let spellings = [
            ("v1", "Secret"),
            ("v1", "secrets"),
            ("vault.example/v1", "Secret"),
        ];
        for (api_version, kind) in spellings {
            let open = Grants {
                metrics: BTreeSet::new(),
                cluster: vec![ClusterGrant {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    namespaces: None,
                }],
                others: Others::Asked,
            };
            let ask = Ask::Cluster {
                api_version,
                kind,
                namespace: "shop",
            };
            let shut = open.admit(ask, &mut Budget::default());
            assert!(shut.is_err(), "{kind} of {api_version}");
        }
    }

    #[test]
    fn the_budget_ends_a_loop_of_calls() {
        let mut budget = Budget::default();
        let answers: Vec<_> = (0..=host_calls::LIMIT)
            .map(|_| grants().admit(pods("shop"), &mut budget))
            .collect();
        assert!(
            answers[..host_calls::LIMIT as usize]
                .iter()
                .all(Result::is_ok)
        );
        assert!(matches!(
            answers[host_calls::LIMIT as usize],
            Err(Shut::Spent(_))
        ));
    }
}
