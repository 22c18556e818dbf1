//! Enums for the strings of the contract, which may get new values.

/// Defines an enum for words of the contract, with a case for words that are newer than this SDK.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
            /// A word that is newer than this SDK. Treat it as one that you have no opinion on.
            Other(String),
        }

        impl $name {
            /// Returns the word of the contract.
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
    /// The class of a change. The host classifies each change before any policy runs.
    Change {
        /// A workload is created.
        Create = "create",
        /// The Pods are replaced by others with the same template.
        Restart = "restart",
        /// The template is replaced by an earlier one.
        Rollback = "rollback",
        /// The template is replaced by another one that is not an earlier one.
        RollForward = "roll-forward",
        /// A pending template rolls out: the workload is unpaused, or a partition is lowered.
        Resume = "resume",
        /// Traffic moves: a Service's selector changes, or an Argo Rollout is promoted.
        Release = "release",
        /// Only the number of replicas changes.
        Scale = "scale",
        /// The workload is deleted.
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
    /// The role of a container in its Pod.
    Role {
        /// Listed under `containers`.
        Main = "main",
        /// Listed under `initContainers`: ends before the others start.
        Init = "init",
        /// Listed under `initContainers` with `restartPolicy: Always`: runs alongside the main
        /// ones.
        Sidecar = "sidecar",
    }
}
