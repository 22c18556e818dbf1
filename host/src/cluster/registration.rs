//! The ValidatingWebhookConfiguration that has the API server ask rollgate.
//!
//! Only the holder of the Lease writes it, and what others change in it is put back. What it asks for
//! follows from the policies that exist, a failing one included, and never from what a replica could
//! load. Without policies it asks for nothing.
//!
//! It first goes up when this replica is ready, so that nobody is called who does not answer. A new
//! policy is in force here before the API server asks for what it judges; another replica may load it
//! some moments later, as with any change of a policy. The path that it names holds a secret, kept in
//! `path_secret`.

mod conditions;
mod configuration;
mod registrar;
#[cfg(test)]
mod tests;
mod webhooks;
mod writing;

use std::path::PathBuf;

use super::certificates::Times;

pub use registrar::Registrar;

/// What a person decides about the registration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the API server does where rollgate does not answer.
    pub failure_policy: FailurePolicy,
    /// The same for a promotion of an Argo Rollout.
    pub promotions: FailurePolicy,
    /// How long it waits for an answer, in seconds, from 1 to 30.
    pub timeout: u8,
    /// The port of the Service.
    pub port: u16,
    /// The users that Argo's controller is, whose changes of a Rollout's status are its own steps.
    pub argo_controllers: Vec<String>,
}

/// What the API server does with a request where rollgate does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Refuses it.
    Fail,
    /// Lets it pass.
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

/// By whom the API server knows that it is rollgate that answers.
#[derive(Clone, Debug)]
pub enum Authority {
    /// CAs of our own.
    Own(Times),
    /// The certificates in this file, in PEM; it is followed.
    File(PathBuf),
    /// Whatever cert-manager's injector puts there, from this Certificate (`NAMESPACE/NAME`).
    Injected(String),
}

/// Whom the API server is to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust<'a> {
    /// These, in PEM.
    Bundle(&'a str),
    /// Whoever stands there already. As long as nobody does, it is asked for nothing.
    AsInjected,
}
