//! Overrides: permissions for one workload to pass named policies ("break glass").
//!
//! [`select`] decides which override applies to which rollout; it is a pure function. An
//! implementation of [`Overrides`] stores overrides, and records a use before it counts.

mod rejection;
mod selection;
mod template_hash;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate_model::{Kind, Rollout, Workload};
use tokio::time::Instant;

pub(crate) use rejection::{NotLive, RejectedOverride, RejectionReason};
pub(crate) use selection::{Selection, select};
pub(crate) use template_hash::{BadTemplateHash, TemplateHash};

use super::caller::Writing;
use crate::config::{PolicyName, PolicySet};

/// Stores overrides.
pub trait Overrides: Send + Sync {
    /// Returns whether there is any override for this workload. Time is then reserved for recording a
    /// use.
    fn any_for(&self, workload: &Workload) -> bool;

    /// Decides by `deadline` whether overrides let a rollout pass the policies that block it. A use that
    /// has to be recorded is recorded first, as far as [`OverrideRequest::writing`] allows.
    fn decide<'a>(
        &'a self,
        request: OverrideRequest<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, OverrideDecision>;
}

/// A rollout that is blocked by policies.
#[derive(Clone, Copy)]
pub struct OverrideRequest<'a> {
    /// The rollout.
    pub rollout: &'a Rollout,
    /// The instant of the review, which decides what has expired.
    pub now: Timestamp,
    /// The policies that deny it, hold it, or failed and deny by their `onError`. Never empty.
    pub blocked_by: &'a [PolicyName],
    /// All active policies.
    pub policies: &'a PolicySet,
    /// What may be written because of the review.
    pub writing: Writing,
}

/// What overrides do for a blocked rollout.
#[derive(Debug, Default)]
pub struct OverrideDecision {
    /// Each blocking policy with the override that lets the rollout pass it: all of them, or none.
    pub passed: Vec<(PolicyName, Arc<Override>)>,
    /// The overrides for this workload that do not apply.
    pub rejected: Vec<RejectedOverride>,
}

/// A permission for one workload to pass named policies, as it is at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The name of the override.
    pub name: String,
    /// The namespace of the override and the workload.
    pub namespace: String,
    /// The workload's kind.
    pub kind: Kind,
    /// The workload's name.
    pub workload: String,
    /// The policies that the workload may pass.
    pub policies: BTreeSet<PolicyName>,
    /// Why it was granted.
    pub reason: String,
    /// When it expires.
    pub expires: Timestamp,
    /// The users who may use it; if empty, everybody who may change the workload.
    pub users: BTreeSet<String>,
    /// The images that the template may have; if empty, any.
    pub images: BTreeSet<String>,
    /// The only template that it is for, if it names one.
    pub template: Option<TemplateHash>,
    /// How often it can be used.
    pub uses: Uses,
}

/// How often an override can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uses {
    /// Until it expires.
    Any,
    /// For one template: the first use binds it to its template.
    OneTemplate(Option<Binding>),
}

/// The first use of an override for one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The object's UID; `None` if the first use created the object.
    pub uid: Option<String>,
    /// The template.
    pub template: TemplateHash,
    /// Who used it.
    pub user: String,
    /// When.
    pub at: Timestamp,
}

/// Returns the UID of the object that a rollout changes. `None` if it creates one: a retry of the
/// creation would have another UID.
#[must_use]
pub(crate) fn uid_of(rollout: &Rollout) -> Option<&str> {
    rollout.old()?.json("/metadata/uid")?.as_str()
}
