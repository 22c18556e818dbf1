//! From an object of the cluster to the terms that are held against a rollout.

use std::sync::Arc;

use crate::admission::overrides::{BadTemplateHash, Binding, Override, TemplateHash, Uses};
use crate::cluster::crd::{RolloutOverride, Use};
use crate::config::PolicyName;

/// An override as it was read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What it says.
    pub(super) terms: Arc<Override>,
    /// The version that it was read in.
    pub(super) version: Option<String>,
}

impl Known {
    /// # Errors
    /// Where it holds something that the API server's rules keep out.
    pub(super) fn read(object: &RolloutOverride) -> Result<Self, BadTemplateHash> {
        let spec = &object.spec;
        let metadata = &object.metadata;
        let terms = Override {
            name: metadata.name.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            kind: spec.workload.kind,
            workload: spec.workload.name.clone(),
            policies: spec
                .policies
                .iter()
                .map(|name| PolicyName::cluster(name))
                .collect(),
            reason: spec.reason.clone(),
            expires: spec.expires.0,
            users: spec.users.iter().cloned().collect(),
            images: spec.images.iter().cloned().collect(),
            template: spec.template.as_deref().map(str::parse).transpose()?,
            uses: uses(object)?,
        };
        Ok(Self {
            terms: Arc::new(terms),
            version: metadata.resource_version.clone(),
        })
    }
}

/// The first use binds; what is recorded behind it are uses of the same template.
fn uses(object: &RolloutOverride) -> Result<Uses, BadTemplateHash> {
    if !object.spec.single_use {
        return Ok(Uses::Any);
    }
    let first = object
        .status
        .as_ref()
        .and_then(|status| status.uses.first());
    first.map(binding).transpose().map(Uses::OneTemplate)
}

fn binding(first: &Use) -> Result<Binding, BadTemplateHash> {
    Ok(Binding {
        uid: first.workload_uid.clone(),
        template: first.template_hash.parse::<TemplateHash>()?,
        user: first.user.clone(),
        at: first.at.0,
    })
}
