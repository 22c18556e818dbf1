//! The ValidatingWebhookConfiguration, by which the API server calls rollgate.
//!
//! Only the holder of the Lease writes it, and reverts changes by others. Its rules follow from the
//! policies that exist, failing ones included, and never from what a replica could load. Without policies
//! it has no webhooks.
//!
//! It is first written when this replica is ready, so that the API server calls nobody who does not
//! answer. A new policy is active here before the API server sends what it matches; another replica may
//! load it some moments later, as with any change of a policy. The path in it contains a secret: see
//! `path_secret`.

mod configuration;
mod match_conditions;
mod reconcile;
mod registrar;
#[cfg(test)]
mod tests;
mod webhooks;

use std::path::PathBuf;

use super::certificates::CertificateTimes;
use super::path_secret::PathRenewal;
use crate::server::PathSecrets;

pub(super) use registrar::Registrar;

/// What to register, and how to keep it.
pub(crate) struct RegistrationOptions {
    pub(crate) settings: WebhookSettings,
    pub(crate) authority: Authority,
    /// If set, clients must show a certificate that one of the CAs in this file signed.
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) path_renewal: PathRenewal,
    /// The secret paths that the server accepts.
    pub(crate) path_secrets: PathSecrets,
    /// The name of the ValidatingAdmissionPolicy that guards revisions, if there is to be one.
    pub(crate) revision_guard: Option<String>,
}

/// The fields of the registration that an operator decides.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSettings {
    /// For everything but promotions and scaling.
    pub(crate) failure_policy: FailurePolicy,
    /// For promotions of Argo Rollouts.
    pub(crate) promotions: FailurePolicy,
    /// How long the API server waits for an answer, in seconds, from 1 to 30.
    pub(crate) timeout: u8,
    /// The port of the Service.
    pub(crate) port: u16,
    /// The users of Argo's controller, whose changes of a Rollout's status are steps of its own.
    pub(crate) argo_controllers: Vec<String>,
}

/// What the API server does with a request if rollgate does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailurePolicy {
    Fail,
    Ignore,
}

impl FailurePolicy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "Fail",
            Self::Ignore => "Ignore",
        }
    }
}

/// Which CAs the API server trusts to sign rollgate's certificate.
#[derive(Clone, Debug)]
pub(crate) enum Authority {
    /// CAs that rollgate makes, see `certificates`.
    Own(CertificateTimes),
    /// The CAs in this file, in PEM; it is watched.
    File(PathBuf),
    /// The CAs that cert-manager's injector writes, from this Certificate (`NAMESPACE/NAME`).
    Injected(String),
}

/// The CAs that the registration is to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust<'a> {
    /// These, in PEM.
    Bundle(&'a str),
    /// Those that it contains already. While there are none, it has no rules.
    AsInjected,
}
