//! Turns a scenario into a classified request.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    Baseline, ClassifiedRequest, MutableTags, Request, Revision, Revisions, Rollout, ShapeError,
    SubResource, TemplateRef, Workload, json,
};

use super::{NO_BASELINE, RevisionEntry, Scenario};

/// Why a scenario describes no rollout.
#[derive(Debug, thiserror::Error)]
pub enum NoRollout {
    /// It has neither an old nor a new object.
    #[error("the scenario has neither `old` nor `new`: say which object is rolled out")]
    NoObject,
    /// No policy is evaluated for it.
    #[error("this is no rollout, so no policy is evaluated: {0}")]
    NotARollout(&'static str),
    /// An object has a field of the wrong type.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Scenario {
    /// Classifies the request that the scenario describes.
    ///
    /// # Errors
    ///
    /// The scenario has no object, or one that is no workload.
    pub fn classify(&self) -> Result<ClassifiedRequest, NoRollout> {
        let request = self.request().ok_or(NoRollout::NoObject)?;
        let classification = request.classify(&MutableTags::default())?;
        let classified =
            classification.resolve(|rollout| self.template_of(rollout), &self.revisions());
        Ok(classified.with_baseline(self.baseline()?))
    }

    /// Returns the Pod template of a Rollout with a `workloadRef`: the one in the Rollout itself, as
    /// policies are shown it, or that of the object in `objects`.
    fn template_of(&self, rollout: &Workload) -> Result<json::Value, String> {
        if let Some(template) = rollout.json("/spec/template")
            && !rollout.containers().is_empty()
        {
            return Ok(template.clone());
        }
        self.referred(rollout.template_ref().ok_or("it names no object")?)
    }

    /// Returns the Pod template of an object in `objects`, for a Rollout that refers to it.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn referred(&self, reference: &TemplateRef) -> Result<json::Value, String> {
        let (api_version, kind) = reference.kind()?;
        let (namespace, name) = (reference.namespace(), reference.name());
        let object = self.object(api_version, kind, namespace, name);
        let object = object.map_err(|_| "the scenario has no `objects`")?;
        reference.template_of(&object.map_err(|error| error.message)?.into())
    }

    /// Returns what existing findings are compared with.
    fn baseline(&self) -> Result<Baseline, ShapeError> {
        Ok(match &self.baseline {
            None => Baseline::old_object(),
            Some(Value::String(_)) => Baseline::nothing(),
            Some(object) => Baseline::object(Arc::new(Workload::parse(object.clone(), None)?)),
        })
    }

    /// Records what existing findings of a rollout were compared with, where that was not the old
    /// object.
    pub fn set_baseline(&mut self, rollout: &Rollout) {
        self.baseline = match (rollout.old(), rollout.baseline()) {
            (None, _) => None,
            (Some(_), None) => Some(NO_BASELINE.into()),
            (Some(old), Some(baseline)) if Arc::ptr_eq(old, baseline) => None,
            (Some(_), Some(baseline)) => Some(baseline.tree().into()),
        };
    }

    /// Returns the rollout that the scenario describes.
    ///
    /// # Errors
    ///
    /// As [`classify`](Self::classify), and where it is no rollout.
    pub fn rollout(&self) -> Result<Rollout, NoRollout> {
        let classified = self.classify()?;
        classified.into_rollout().map_err(NoRollout::NotARollout)
    }

    /// Returns the request that the scenario describes: a create without `old`, a delete without
    /// `new`.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        let user = self.user.clone();
        let (user, groups) = user
            .map(|user| (user.name, user.groups))
            .unwrap_or_default();
        let request = Request {
            sub_resource: self.scale_of.map_or(SubResource::None, SubResource::Scale),
            user,
            groups,
            dry_run: self.dry_run,
            ..Request::of_objects(self.old.clone(), self.new.clone())?
        };
        // A scenario with a status in `new` is about somebody who writes one.
        let writes_status = self
            .new
            .as_ref()
            .and_then(|new| new.get("status")?.as_object())
            .is_some_and(|status| !status.is_empty());
        Some(if writes_status {
            request
        } else {
            request.keeping_status()
        })
    }

    /// Returns the earlier revisions.
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
            template: revision.template().map(Value::from).unwrap_or_default(),
        }
    }
}
