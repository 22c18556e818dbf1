//! Which overrides let a rollout pass: a pure function of the overrides, the rollout and the
//! instant of the review.

use std::cmp::Reverse;
use std::sync::Arc;

use rollgate_model::Workload;

use super::{Override, Plea, Refused, TemplateHash, Uses, Why, uid_of};
use crate::admission::caller::Writing;
use crate::config::PolicyName;

/// More than this many overrides that do not apply help nobody who reads a denial.
const TOLD: usize = 4;

/// What would let a rollout pass.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Each policy that stands in the way, and the override that lets it be passed: all, or none.
    pub passing: Vec<(PolicyName, Arc<Override>)>,
    /// Overrides for this workload that do not apply, at most a few.
    pub refused: Vec<Refused>,
    /// The rollout's template.
    pub template: TemplateHash,
}

impl Override {
    /// Whether it is for this workload.
    #[must_use]
    pub fn is_for(&self, workload: &Workload) -> bool {
        (self.kind, &*self.workload, &*self.namespace)
            == (workload.kind(), workload.name(), workload.namespace())
    }

    /// Whether a use of it has to be written down before it counts.
    #[must_use]
    pub const fn is_unbound(&self) -> bool {
        matches!(self.uses, Uses::OneTemplate(None))
    }
}

/// Finds overrides that together let a rollout pass everything that stands in its way.
///
/// One that needs nothing written comes before one that does, so that a retry uses up nothing; then
/// one that lets more be passed, and one that lasts longer.
#[must_use]
pub fn plan(overrides: &[Arc<Override>], plea: &Plea<'_>) -> Plan {
    let template = TemplateHash::of(plea.rollout.subject());
    let mut applying = Vec::new();
    let mut refused = Vec::new();
    let ours = overrides
        .iter()
        .filter(|one| one.is_for(plea.rollout.subject()));
    for one in ours {
        match applies(one, plea, template) {
            Ok(()) => applying.push(one),
            Err(why) if names_any(one, plea) => refused.push(refuse(one, why)),
            Err(_) => {}
        }
    }
    applying.sort_by_key(|one| {
        (
            one.is_unbound(),
            Reverse(names(one, plea)),
            Reverse(one.expires),
            one.name.clone(),
        )
    });
    let by = |policy: &&PolicyName| applying.iter().find(|one| one.policies.contains(*policy));
    let missing: Vec<_> = plea
        .blocked_by
        .iter()
        .filter(|policy| by(policy).is_none())
        .cloned()
        .collect();
    if missing.is_empty() {
        let passing = plea
            .blocked_by
            .iter()
            .filter_map(|policy| Some((policy.clone(), Arc::clone(by(&policy)?))))
            .collect();
        return Plan {
            passing,
            refused: few(refused),
            template,
        };
    }
    let short = applying
        .iter()
        .map(|one| refuse(one, Why::NotEnough(missing.clone())));
    refused.splice(..0, short);
    Plan {
        passing: vec![],
        refused: few(refused),
        template,
    }
}

fn applies(one: &Override, plea: &Plea<'_>, template: TemplateHash) -> Result<(), Why> {
    exists(one, plea)?;
    if one.expires <= plea.now {
        return Err(Why::Expired(one.expires));
    }
    let user = plea.rollout.user();
    if !one.users.is_empty() && !one.users.contains(user) {
        return Err(Why::OtherUser(user.to_owned()));
    }
    if let Some(wanted) = one.template.filter(|wanted| *wanted != template) {
        return Err(Why::OtherTemplate {
            wanted,
            found: template,
        });
    }
    images(one, plea.rollout.subject())?;
    bound(one, plea, template)?;
    match plea.writing {
        Writing::UnknownCaller => Err(Why::UnknownCaller),
        Writing::Allowed(_) | Writing::DryRun => Ok(()),
    }
}

/// A name that is no policy's may be a slip, and then the override does not say what was meant.
fn exists(one: &Override, plea: &Plea<'_>) -> Result<(), Why> {
    let known = |name: &&PolicyName| {
        plea.policies
            .policies()
            .iter()
            .any(|policy| policy.name == **name)
    };
    let unknown: Vec<_> = one
        .policies
        .iter()
        .filter(|name| !known(name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Why::UnknownPolicy(unknown))
}

fn images(one: &Override, workload: &Workload) -> Result<(), Why> {
    if one.images.is_empty() {
        return Ok(());
    }
    if workload.containers().is_empty() {
        return Err(Why::NoImages);
    }
    let mut images = workload
        .containers()
        .iter()
        .map(|container| &container.image);
    match images.find(|image| !one.images.contains(*image)) {
        Some(image) => Err(Why::OtherImage(image.clone())),
        None => Ok(()),
    }
}

fn bound(one: &Override, plea: &Plea<'_>, template: TemplateHash) -> Result<(), Why> {
    let Uses::OneTemplate(Some(binding)) = &one.uses else {
        return Ok(());
    };
    if binding.template != template {
        return Err(Why::Used {
            user: binding.user.clone(),
            at: binding.at,
            found: template,
        });
    }
    // Bound by a creation, it is for whatever object came of that.
    let same = binding
        .uid
        .as_deref()
        .is_none_or(|uid| uid_of(plea.rollout) == Some(uid));
    if same { Ok(()) } else { Err(Why::OtherObject) }
}

fn names(one: &Override, plea: &Plea<'_>) -> usize {
    plea.blocked_by
        .iter()
        .filter(|policy| one.policies.contains(*policy))
        .count()
}

fn names_any(one: &Override, plea: &Plea<'_>) -> bool {
    names(one, plea) > 0
}

fn refuse(one: &Override, why: Why) -> Refused {
    Refused {
        name: one.name.clone(),
        why,
    }
}

/// Those that expired tell the least.
fn few(mut refused: Vec<Refused>) -> Vec<Refused> {
    refused.sort_by_key(|refused| matches!(refused.why, Why::Expired(_)));
    refused.truncate(TOLD);
    refused
}
