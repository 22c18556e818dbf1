//! Enums on top of the strings that the contract lets grow.

/// An enum over words of the contract, with a case for a word that is newer than this SDK.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
            /// A word that is newer than this SDK: have no opinion on it.
            Other(String),
        }

        impl $name {
            /// The word that the contract uses.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$case => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$case,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The kind of change that a rollout is. The host classifies it before any policy runs.
    Change {
        /// A workload without an old object.
        Create = "create",
        /// Nothing but the restart annotation of the template differs.
        Restart = "restart",
        /// The template goes back to that of an earlier revision.
        Rollback = "rollback",
        /// The template differs otherwise.
        RollForward = "roll-forward",
        /// A pending template starts to roll: unpaused, or a partition lowered.
        Resume = "resume",
        /// Traffic moves: a Service's selector changed, or an Argo Rollout was promoted.
        Release = "release",
        /// Only the number of replicas changes.
        Scale = "scale",
        /// The object is deleted.
        Delete = "delete",
    }
}

words! {
    /// The kind of a workload.
    Kind {
        /// `apps/v1` Deployment.
        Deployment = "Deployment",
        /// `apps/v1` StatefulSet.
        StatefulSet = "StatefulSet",
        /// `apps/v1` DaemonSet.
        DaemonSet = "DaemonSet",
        /// `argoproj.io/v1alpha1` Rollout.
        Rollout = "Rollout",
        /// `v1` Service: it has no Pod template.
        Service = "Service",
    }
}

words! {
    /// What a container is to its Pod.
    Role {
        /// Listed under `containers`.
        Main = "main",
        /// Listed under `initContainers`: runs to its end before the others start.
        Init = "init",
        /// Listed under `initContainers` with `restartPolicy: Always`: runs beside the main ones.
        Sidecar = "sidecar",
    }
}
