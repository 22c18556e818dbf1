//! Whom a permit counts for.

use std::sync::Arc;

/// Someone whose permits are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// A namespace: its policies, and the reviews of its objects.
    Namespace(Arc<str>),
    /// A policy without a namespace.
    Policy(Arc<str>),
}

/// Whom an evaluation counts for.
#[derive(Clone, Debug)]
pub(crate) struct Claimant {
    pub(super) pair: Pair,
    owner: Account,
}

/// A policy and the namespace that it is evaluated for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    policy: Arc<str>,
    reviewed: Account,
}

impl Account {
    /// Returns the owner of a policy with this name: `namespace/name`, or a bare name.
    pub(crate) fn owner_of(policy: &Arc<str>) -> Self {
        match policy.split_once('/') {
            Some((namespace, _)) => Self::Namespace(namespace.into()),
            None => Self::Policy(Arc::clone(policy)),
        }
    }
}

impl Claimant {
    /// Returns whom the evaluation of an object in `namespace` counts for.
    pub(crate) fn new(policy: &Arc<str>, owner: &Account, namespace: &Arc<str>) -> Self {
        Self {
            pair: Pair {
                policy: Arc::clone(policy),
                reviewed: Account::Namespace(Arc::clone(namespace)),
            },
            owner: owner.clone(),
        }
    }

    /// Returns whom loading a policy counts for.
    pub(crate) fn loading(policy: &Arc<str>) -> Self {
        Self::new(policy, &Account::owner_of(policy), &"".into())
    }

    /// Returns the accounts, each once.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        let reviewed = &self.pair.reviewed;
        let owner = Some(&self.owner).filter(|owner| *owner != reviewed);
        [reviewed].into_iter().chain(owner)
    }
}
