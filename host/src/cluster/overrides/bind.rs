//! Holds an override against the API server before it counts, and binds it to one template.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::live_object;
use super::read::Known;
use crate::admission::overrides::{OverrideRequest, RejectionReason, TemplateHash, uid_of};
use crate::admission::{WriteAccess, Writing};
use crate::cluster::crd::{RolloutOverride, Use};

/// Looks at overrides, and binds them.
pub(super) struct Binder {
    client: Client,
}

/// How an override stands at the API server.
pub(super) enum Checked {
    /// As it was known, and bound where it has to be.
    Stands,
    /// Otherwise: whether it applies has to be found anew.
    Changed(Arc<Known>),
    /// It lets nothing pass.
    Fails(RejectionReason),
}

impl Binder {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Makes sure of an override that would let a rollout pass.
    pub(super) async fn check(
        &self,
        known: &Known,
        template: TemplateHash,
        plea: &OverrideRequest<'_>,
    ) -> Checked {
        let access = match plea.writing {
            Writing::Allowed(access) if known.terms.is_unbound() => access,
            _ => return self.look(known).await,
        };
        if let Err(why) = live_object::check(&self.client, plea.rollout).await {
            return Checked::Fails(why);
        }
        match self.bind(known, &use_of(plea, template), access).await {
            Ok(()) => Checked::Stands,
            Err(kube::Error::Api(status)) if status.is_conflict() => self.look_again(known).await,
            Err(error) => Checked::Fails(failure(&error)),
        }
    }

    /// Writes down the first use, unless the object is another one than was read.
    async fn bind(&self, known: &Known, first: &Use, _: WriteAccess) -> kube::Result<()> {
        let patch = json!({
            "metadata": {"resourceVersion": known.version},
            "status": {"uses": [first]},
        });
        let (objects, params) = (self.objects(known), PatchParams::default());
        let patch = Patch::Merge(patch);
        let bound = objects.patch_status(&known.terms.name, &params, &patch);
        bound.await.map(drop)
    }

    async fn look(&self, known: &Known) -> Checked {
        match self.fresh(known).await {
            Ok(fresh) if fresh.terms == known.terms => Checked::Stands,
            Ok(fresh) => Checked::Changed(Arc::new(fresh)),
            Err(why) => Checked::Fails(why),
        }
    }

    /// Somebody wrote to it: another replica bound it, or said in it how it stands.
    async fn look_again(&self, known: &Known) -> Checked {
        match self.fresh(known).await {
            Ok(fresh) => Checked::Changed(Arc::new(fresh)),
            Err(why) => Checked::Fails(why),
        }
    }

    async fn fresh(&self, known: &Known) -> Result<Known, RejectionReason> {
        let object = self.objects(known).get(&known.terms.name).await;
        let object = object.map_err(|error| failure(&error))?;
        Known::read(&object).map_err(|error| RejectionReason::NotRecorded(error.to_string()))
    }

    fn objects(&self, known: &Known) -> Api<RolloutOverride> {
        Api::namespaced(self.client.clone(), &known.terms.namespace)
    }
}

/// The use that a rollout would make of an override.
pub(super) fn use_of(plea: &OverrideRequest<'_>, template: TemplateHash) -> Use {
    Use {
        workload_uid: uid_of(plea.rollout).map(str::to_owned),
        template_hash: template.to_string(),
        user: plea.rollout.user().to_owned(),
        at: Time(Timestamp::from_second(plea.now.as_second()).unwrap_or(plea.now)),
    }
}

fn failure(error: &kube::Error) -> RejectionReason {
    match error {
        kube::Error::Api(status) if status.is_not_found() => RejectionReason::Gone,
        error => RejectionReason::NotRecorded(error.to_string()),
    }
}
