//! Break glass: permissions to pass named policies, and how they are asked for.
//!
//! Which override applies to which rollout is told by [`plan`], a pure function. Where overrides
//! are kept, and how a use is written down before it counts, is for who implements [`Overrides`].

mod refusal;
mod rules;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate_model::{Kind, Rollout, Workload};
use tokio::time::Instant;

pub use refusal::{NotLive, Refused, Why};
pub use rules::{Plan, plan};
pub use template::{BadTemplateHash, TemplateHash};

use super::caller::Writing;
use crate::config::{PolicyName, PolicySet};

/// Where overrides are kept.
pub trait Overrides: Send + Sync {
    /// Whether any override is for this workload, so that time is left to write down its use.
    fn any_for(&self, workload: &Workload) -> bool;

    /// Whether overrides let a rollout pass what stands in its way, by `deadline` at the latest. A
    /// use that has to be recorded is recorded before the answer says yes, as far as
    /// [`Plea::writing`] allows.
    fn ask<'a>(&'a self, plea: Plea<'a>, deadline: Instant) -> BoxFuture<'a, Ruling>;
}

/// A rollout that policies stand in the way of.
#[derive(Clone, Copy)]
pub struct Plea<'a> {
    /// The rollout.
    pub rollout: &'a Rollout,
    /// The instant of the review: what expires is held against it.
    pub now: Timestamp,
    /// The policies that deny it, hold it, or failed and deny by their `onError`. Never empty.
    pub blocked_by: &'a [PolicyName],
    /// All policies in force.
    pub policies: &'a PolicySet,
    /// What may be written because of it.
    pub writing: Writing,
}

/// What became of a plea.
#[derive(Debug, Default)]
pub struct Ruling {
    /// Each policy that is passed, and by which override: all that stand in the way, or none.
    pub passed: Vec<(PolicyName, Arc<Override>)>,
    /// The overrides that were found for the workload and do not let it pass.
    pub refused: Vec<Refused>,
}

/// A permission to pass named policies with one workload, as it stands at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Its own name. It lives in the workload's namespace.
    pub name: String,
    /// The namespace of both.
    pub namespace: String,
    /// The workload's kind.
    pub kind: Kind,
    /// The workload's name.
    pub workload: String,
    /// The policies that may be passed, as denials name them.
    pub policies: BTreeSet<PolicyName>,
    /// Why it was given.
    pub reason: String,
    /// It applies before this instant.
    pub expires: Timestamp,
    /// Who may use it; empty, whoever may change the workload.
    pub users: BTreeSet<String>,
    /// The images that the template may have; empty, any.
    pub images: BTreeSet<String>,
    /// The one template that it is for, where it names one.
    pub template: Option<TemplateHash>,
    /// How often it can be used.
    pub uses: Uses,
}

/// How often an override can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uses {
    /// Until it expires.
    Any,
    /// For one template: the one that its first use binds it to.
    OneTemplate(Option<Binding>),
}

/// The first use of an override that is for one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The object's UID; `None` where the first use created the object.
    pub uid: Option<String>,
    /// The template.
    pub template: TemplateHash,
    /// Who used it.
    pub user: String,
    /// When.
    pub at: Timestamp,
}

/// The UID of the object that a rollout changes; `None` where it creates one, since the UID of a
/// creation that is tried again is another one.
#[must_use]
pub fn uid_of(rollout: &Rollout) -> Option<&str> {
    rollout.old()?.json("/metadata/uid")?.as_str()
}
