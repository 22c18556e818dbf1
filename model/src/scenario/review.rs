//! A scenario as the request and the revisions it tells of.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    Asker, Baseline, Operation, Read, Request, Reviewed, Revision, Revisions, Rollout, ShapeError,
    SubResource, TemplateRef, Workload,
};

use super::{NO_BASELINE, RevisionEntry, Scenario};

/// Why a scenario tells of no request.
#[derive(Debug, thiserror::Error)]
pub enum NoReview {
    /// It lends its world only.
    #[error("the scenario has neither `old` nor `new`: say which object is rolled out")]
    NoObject,
    /// No policy is asked about it.
    #[error("this is no rollout, so no policy is asked: {0}")]
    NotARollout(&'static str),
    /// An object has another shape than its API gives it.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Scenario {
    /// The request, read and classified.
    ///
    /// # Errors
    ///
    /// The scenario has no object, or one that is no workload.
    pub fn review(&self) -> Result<Reviewed, NoReview> {
        let request = self.request().ok_or(NoReview::NoObject)?;
        let read = match Rollout::read(request)? {
            Read::Referring(referring) => referring.resolve(|rollout| self.template_of(rollout)),
            read => read,
        };
        let reviewed = read.settle(&self.revisions());
        Ok(reviewed.held_against(self.baseline()?))
    }

    /// The Pod template of a Rollout that refers to another object: the one that stands in the
    /// Rollout, as policies are shown it, or that of the object among `objects`.
    fn template_of(&self, rollout: &Workload) -> Result<Value, String> {
        if let Some(template) = rollout.json("/spec/template")
            && !rollout.containers().is_empty()
        {
            return Ok(template.clone());
        }
        self.referred(rollout.template_ref().ok_or("it names no object")?)
    }

    /// The Pod template of an object among `objects`, for a Rollout that refers to it.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn referred(&self, reference: &TemplateRef) -> Result<Value, String> {
        let (api_version, kind) = reference.kind()?;
        let (namespace, name) = (reference.namespace(), reference.name());
        let object = self.object(api_version, kind, namespace, name);
        let object = object.map_err(|_| "the scenario has no `objects`")?;
        reference.template_of(object.map_err(|error| error.message)?)
    }

    /// What existing findings are held against.
    fn baseline(&self) -> Result<Baseline, ShapeError> {
        Ok(match &self.baseline {
            None => Baseline::old_object(),
            Some(Value::String(_)) => Baseline::nothing(),
            Some(object) => Baseline::object(Arc::new(Workload::parse(object.clone(), None)?)),
        })
    }

    /// Says what existing findings of a rollout were held against, where that was not the old
    /// object.
    pub fn set_baseline(&mut self, rollout: &Rollout) {
        self.baseline = match (rollout.old(), rollout.baseline()) {
            (None, _) => None,
            (Some(_), None) => Some(NO_BASELINE.into()),
            (Some(old), Some(baseline)) if Arc::ptr_eq(old, baseline) => None,
            (Some(_), Some(baseline)) => Some(baseline.tree().clone()),
        };
    }

    /// The rollout that the scenario tells of.
    ///
    /// # Errors
    ///
    /// As [`review`](Self::review), and where it is no rollout.
    pub fn rollout(&self) -> Result<Rollout, NoReview> {
        match self.review()? {
            Reviewed::Rollout(rollout) => Ok(*rollout),
            Reviewed::NotARollout { why, .. } => Err(NoReview::NotARollout(why)),
        }
    }

    /// The request that the scenario tells of: a create without `old`, a delete without `new`.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        let operation = match (&self.old, &self.new) {
            (None, None) => return None,
            (None, Some(_)) => Operation::Create,
            (Some(_), Some(_)) => Operation::Update,
            (Some(_), None) => Operation::Delete,
        };
        let user = self.user.clone();
        let (user, groups) = user
            .map(|user| (user.name, user.groups))
            .unwrap_or_default();
        let request = Request {
            operation,
            sub_resource: self.scale_of.map_or(SubResource::None, SubResource::Scale),
            namespace: None,
            user,
            groups,
            asker: Asker::Other,
            dry_run: self.dry_run,
            object: self.new.clone(),
            old_object: self.old.clone(),
        };
        // A scenario that tells a new status is of somebody who writes one.
        let tells_status = self
            .new
            .as_ref()
            .and_then(|new| new.get("status")?.as_object())
            .is_some_and(|status| !status.is_empty());
        Some(if tells_status {
            request
        } else {
            request.keeping_status()
        })
    }

    /// The earlier revisions.
    #[must_use]
    pub fn revisions(&self) -> Revisions {
        match &self.revisions {
            Some(entries) => {
                Revisions::Known(entries.iter().map(RevisionEntry::revision).collect())
            }
            None => Revisions::Unknown {
                why: "the scenario has no `revisions`".into(),
            },
        }
    }
}

impl RevisionEntry {
    fn revision(&self) -> Revision {
        let mut revision = Revision::new(&self.name, self.created, self.template.clone());
        revision.number = self.number;
        revision.earlier_numbers.clone_from(&self.earlier_numbers);
        revision.owner.clone_from(&self.owner);
        revision.has_pods = self.has_pods;
        revision
    }
}

impl From<&Revision> for RevisionEntry {
    fn from(revision: &Revision) -> Self {
        Self {
            name: revision.name.clone(),
            created: revision.created,
            number: revision.number,
            earlier_numbers: revision.earlier_numbers.clone(),
            has_pods: revision.has_pods,
            owner: revision.owner.clone(),
            template: revision.template().clone(),
        }
    }
}
