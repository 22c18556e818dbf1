//! Distinguishes revisions that a controller created from objects that only look like them.
//!
//! Sources: `generateReplicaSetName` in pkg/controller/deployment/sync.go, `snapshot` in
//! pkg/controller/daemon/update.go and `ControllerRevisionName` in pkg/controller/history of
//! Kubernetes; rollout/sync.go of argo-rollouts.

use jiff::Timestamp;

use super::Owner;
use crate::kind::Kind;

/// Why an object that a workload owns does not count as an earlier revision of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is older than the workload, which was deleted and created again.
    OlderThanWorkload,
    /// Its name or labels are not those that the workload's controller gives its revisions.
    NotNamedByController,
}

/// The longest name of an object (DNS1123SubdomainMaxLength).
const LONGEST_NAME: usize = 253;
/// The longest part of a StatefulSet's name before the hash (`ControllerRevisionName`).
const LONGEST_PREFIX: usize = 223;

impl Owner {
    /// Returns why an object with this name, hash and creation time is not a revision of this
    /// workload's controller; `None` where it is one. The hash is the value of
    /// [`hash_label`](Self::hash_label).
    #[must_use]
    pub fn flaw(&self, name: &str, hash: Option<&str>, created: Timestamp) -> Option<Flaw> {
        if !Self::names(self.kind, &self.name, name, hash) {
            return Some(Flaw::NotNamedByController);
        }
        // Both times are whole seconds, so the first revision may have the same time as its
        // workload.
        let older = self.created.is_none_or(|workload| created < workload);
        older.then_some(Flaw::OlderThanWorkload)
    }

    /// Returns the label in which the controller of a kind stores the hash of a revision.
    #[must_use]
    pub const fn hash_label(kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Deployment => Some("pod-template-hash"),
            Kind::Rollout => Some("rollouts-pod-template-hash"),
            Kind::StatefulSet => Some("controller.kubernetes.io/hash"),
            Kind::DaemonSet => Some("controller-revision-hash"),
            Kind::Service => None,
        }
    }

    /// Whether the controller of this workload would give a revision this name and hash.
    #[must_use]
    pub fn names(kind: Kind, workload: &str, revision: &str, hash: Option<&str>) -> bool {
        let Some((prefix, suffix)) = revision.rsplit_once('-') else {
            return false;
        };
        // After a hash collision, only the StatefulSet's controller changes the name and keeps the
        // label.
        let has_hash = match kind {
            Kind::StatefulSet => hash.is_some_and(|hash| !hash.is_empty()),
            _ => hash == Some(suffix),
        };
        let longest = match kind {
            Kind::Deployment => LONGEST_NAME.saturating_sub(suffix.len() + 1),
            Kind::StatefulSet => LONGEST_PREFIX,
            Kind::DaemonSet | Kind::Rollout | Kind::Service => usize::MAX,
        };
        let cut = workload.get(..longest.min(workload.len()));
        has_hash && !suffix.is_empty() && cut == Some(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 4] = [
        Kind::Deployment,
        Kind::Rollout,
        Kind::StatefulSet,
        Kind::DaemonSet,
    ];

    fn owner(kind: Kind, name: &str) -> Owner {
        Owner {
            kind,
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            created: Some(at(100)),
            uid: Some("u-1".to_owned()),
            labels: Vec::new(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn flaw(kind: Kind, workload: &str, name: &str, hash: &str) -> Option<Flaw> {
        owner(kind, workload).flaw(name, Some(hash), at(100))
    }

    #[test]
    fn revision_has_the_name_of_its_workload_and_the_hash_of_its_label() {
        for kind in KINDS {
            assert_eq!(flaw(kind, "cart", "cart-7cd76d4db5", "7cd76d4db5"), None);
            for name in [
                "cart",
                "cart-",
                "7cd76d4db5",
                "car-7cd76d4db5",
                "cart-web-7cd76d4db5",
            ] {
                let flaw = flaw(kind, "cart", name, "7cd76d4db5");
                assert_eq!(flaw, Some(Flaw::NotNamedByController), "{kind} {name}");
            }
        }
    }

    #[test]
    fn revision_without_the_label_of_its_controller_is_ignored() {
        for kind in KINDS {
            let flaw = owner(kind, "cart").flaw("cart-7cd76d4db5", None, at(100));
            assert_eq!(flaw, Some(Flaw::NotNamedByController), "{kind}");
        }
        let other = flaw(Kind::Deployment, "cart", "cart-7cd76d4db5", "6b5f8c7d9c");
        assert_eq!(other, Some(Flaw::NotNamedByController));
        // After a hash collision the controller changes the name and keeps the label.
        assert_eq!(flaw(Kind::StatefulSet, "db", "db-54d8", "6b5f"), None);
    }

    #[test]
    fn long_name_is_truncated_as_by_its_controller() {
        let long = "a".repeat(LONGEST_NAME);
        let named = |length: usize| format!("{}-7cd76d4db5", "a".repeat(length));
        let flaw = |kind, length| flaw(kind, &long, &named(length), "7cd76d4db5");
        assert_eq!(flaw(Kind::Deployment, 242), None);
        assert_eq!(flaw(Kind::StatefulSet, 223), None);
        assert_eq!(flaw(Kind::DaemonSet, 253), None);
        for (kind, length) in [
            (Kind::Deployment, 241),
            (Kind::StatefulSet, 222),
            (Kind::Rollout, 242),
        ] {
            let flaw = flaw(kind, length);
            assert_eq!(flaw, Some(Flaw::NotNamedByController), "{kind} {length}");
        }
    }

    #[test]
    fn revision_older_than_its_workload_is_ignored() {
        let cart = owner(Kind::Deployment, "cart");
        let flaw = |second| cart.flaw("cart-7cd7", Some("7cd7"), at(second));
        assert_eq!(flaw(99), Some(Flaw::OlderThanWorkload));
        assert_eq!(flaw(100), None);
        let undated = Owner {
            created: None,
            ..cart.clone()
        };
        let flaw = undated.flaw("cart-7cd7", Some("7cd7"), at(200));
        assert_eq!(flaw, Some(Flaw::OlderThanWorkload));
    }
}
