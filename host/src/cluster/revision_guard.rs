//! The guard of revisions: a ValidatingAdmissionPolicy that lets only controllers write the ReplicaSets
//! of workloads, since these tell a rollback from a roll-forward. It works while rollgate is down.
//!
//! The chart installs the policy; the holder of the Lease binds it. Were the controllers' users named
//! wrongly, no rollout of the cluster would go on. So the binding only warns and audits until a trial
//! has shown that the Deployment controller passes ([`trial`]). The policy's name contains a digest of
//! its content: other users are another policy, which starts over.

mod binding;
mod keeper;
mod standing;
mod trial;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use kube::Error;
use kube::api::Api;

use super::Installation;

pub use keeper::RevisionGuard;

impl Installation {
    /// The name of the binding of the guard.
    pub(super) fn guard_binding(&self) -> String {
        format!("{}-revisions", self.name)
    }

    /// The name of the Deployment on which the guard is tried, of the policy that refuses its
    /// ReplicaSet to everybody, and of the binding of either policy to it.
    pub(super) fn guard_probe(&self) -> String {
        format!("{}-revisions-probe", self.name)
    }
}

/// Why the guard cannot be kept.
#[derive(Debug, thiserror::Error)]
enum GuardError {
    /// The API server does not do it.
    #[error("the API server refuses to {verb}, or does not answer: {error}")]
    Api { verb: &'static str, error: Error },
    /// It is that of an installation in another namespace.
    #[error(
        "the ValidatingAdmissionPolicyBinding {name} is that of the installation in namespace {namespace}: a cluster takes one; uninstall that one, or, where nothing runs there any more, delete the binding"
    )]
    Taken { name: String, namespace: String },
}

fn failed(verb: &'static str) -> impl Fn(Error) -> GuardError {
    move |error| GuardError::Api { verb, error }
}

/// Whether something is not there.
fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.is_not_found())
}

type Bindings = Api<ValidatingAdmissionPolicyBinding>;
