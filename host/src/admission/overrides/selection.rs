//! Selects the overrides that let a rollout pass: a pure function of the overrides, the rollout and
//! the instant of the review.

use std::cmp::Reverse;
use std::sync::Arc;

use rollgate_model::Workload;

use super::{
    Override, OverrideRequest, RejectedOverride, RejectionReason, TemplateHash, Uses, uid_of,
};
use crate::admission::caller::Writing;
use crate::config::PolicyName;

/// The most overrides that a denial lists as not applying.
const MOST_REJECTED: usize = 4;

/// The overrides for a blocked rollout.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Each blocking policy with the override that lets the rollout pass it: all of them, or none.
    pub passed: Vec<(PolicyName, Arc<Override>)>,
    /// The overrides for this workload that do not apply, at most a few.
    pub rejected: Vec<RejectedOverride>,
    /// The rollout's template.
    pub template: TemplateHash,
}

impl Override {
    /// Returns whether it is for this workload.
    #[must_use]
    pub fn is_for(&self, workload: &Workload) -> bool {
        (self.kind, &*self.workload, &*self.namespace)
            == (workload.kind(), workload.name(), workload.namespace())
    }

    /// Returns whether a use has to be recorded before it counts.
    #[must_use]
    pub const fn is_unbound(&self) -> bool {
        matches!(self.uses, Uses::OneTemplate(None))
    }
}

/// Selects overrides that together let a rollout pass every policy that blocks it.
///
/// Preferred are overrides whose use need not be recorded, so that a retry uses up nothing; then those
/// for more of the policies; then those that last longer.
#[must_use]
pub(crate) fn select(overrides: &[Arc<Override>], request: &OverrideRequest<'_>) -> Selection {
    let template = TemplateHash::of(request.rollout.subject());
    let mut applying = Vec::new();
    let mut rejected = Vec::new();
    let ours = overrides
        .iter()
        .filter(|one| one.is_for(request.rollout.subject()));
    for one in ours {
        match applies(one, request, template) {
            Ok(()) => applying.push(one),
            Err(reason) if covers_any(one, request) => rejected.push(reject(one, reason)),
            Err(_) => {}
        }
    }
    applying.sort_by_key(|one| {
        (
            one.is_unbound(),
            Reverse(covered(one, request)),
            Reverse(one.expires),
            one.name.clone(),
        )
    });
    let by = |policy: &&PolicyName| applying.iter().find(|one| one.policies.contains(*policy));
    let missing: Vec<_> = request
        .blocked_by
        .iter()
        .filter(|policy| by(policy).is_none())
        .cloned()
        .collect();
    if missing.is_empty() {
        let passed = request
            .blocked_by
            .iter()
            .filter_map(|policy| Some((policy.clone(), Arc::clone(by(&policy)?))))
            .collect();
        return Selection {
            passed,
            rejected: limited(rejected),
            template,
        };
    }
    let short = applying
        .iter()
        .map(|one| reject(one, RejectionReason::NotEnough(missing.clone())));
    rejected.splice(..0, short);
    Selection {
        passed: vec![],
        rejected: limited(rejected),
        template,
    }
}

fn applies(
    one: &Override,
    request: &OverrideRequest<'_>,
    template: TemplateHash,
) -> Result<(), RejectionReason> {
    policies_exist(one, request)?;
    if one.expires <= request.now {
        return Err(RejectionReason::Expired(one.expires));
    }
    let user = request.rollout.user();
    if !one.users.is_empty() && !one.users.contains(user) {
        return Err(RejectionReason::OtherUser(user.to_owned()));
    }
    if let Some(wanted) = one.template.filter(|wanted| *wanted != template) {
        return Err(RejectionReason::OtherTemplate {
            wanted,
            found: template,
        });
    }
    images_allowed(one, request.rollout.subject())?;
    bound_to(one, request, template)?;
    match request.writing {
        Writing::UnknownCaller => Err(RejectionReason::UnknownCaller),
        Writing::Allowed(_) | Writing::DryRun => Ok(()),
    }
}

/// An unknown policy may be a typo: the override then does not say what was meant.
fn policies_exist(one: &Override, request: &OverrideRequest<'_>) -> Result<(), RejectionReason> {
    let known = |name: &&PolicyName| request.policies.get(name).is_some();
    let unknown: Vec<_> = one
        .policies
        .iter()
        .filter(|name| !known(name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(RejectionReason::UnknownPolicy(unknown))
}

fn images_allowed(one: &Override, workload: &Workload) -> Result<(), RejectionReason> {
    if one.images.is_empty() {
        return Ok(());
    }
    if workload.containers().is_empty() {
        return Err(RejectionReason::NoImages);
    }
    let mut images = workload
        .containers()
        .iter()
        .map(|container| &container.image);
    match images.find(|image| !one.images.contains(*image)) {
        Some(image) => Err(RejectionReason::OtherImage(image.clone())),
        None => Ok(()),
    }
}

fn bound_to(
    one: &Override,
    request: &OverrideRequest<'_>,
    template: TemplateHash,
) -> Result<(), RejectionReason> {
    let Uses::OneTemplate(Some(binding)) = &one.uses else {
        return Ok(());
    };
    if binding.template != template {
        return Err(RejectionReason::Used {
            user: binding.user.clone(),
            at: binding.at,
            found: template,
        });
    }
    // If a creation bound it, it is for the object that was created.
    let same = binding
        .uid
        .as_deref()
        .is_none_or(|uid| uid_of(request.rollout) == Some(uid));
    if same {
        Ok(())
    } else {
        Err(RejectionReason::OtherObject)
    }
}

fn covered(one: &Override, request: &OverrideRequest<'_>) -> usize {
    request
        .blocked_by
        .iter()
        .filter(|policy| one.policies.contains(*policy))
        .count()
}

fn covers_any(one: &Override, request: &OverrideRequest<'_>) -> bool {
    covered(one, request) > 0
}

fn reject(one: &Override, reason: RejectionReason) -> RejectedOverride {
    RejectedOverride {
        name: one.name.clone(),
        reason,
    }
}

/// Drops what is too much, expired overrides first.
fn limited(mut rejected: Vec<RejectedOverride>) -> Vec<RejectedOverride> {
    rejected.sort_by_key(|rejected| matches!(rejected.reason, RejectionReason::Expired(_)));
    rejected.truncate(MOST_REJECTED);
    rejected
}
