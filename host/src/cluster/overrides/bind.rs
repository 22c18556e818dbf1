//! Checks an override against the API server before it counts, and binds it to one template.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use rollgate_model::{Rollout, Workload};
use serde_json::json;

use super::index::CachedOverride;
use crate::admission::overrides::{
    NotLive, OverrideRequest, RejectionReason, TemplateHash, uid_of,
};
use crate::admission::{WriteAccess, Writing};
use crate::cluster::crd::{RolloutOverride, Use};
use crate::cluster::objects::{api_resource, dynamic_api};

/// Checks and binds overrides.
pub(super) struct Binder {
    client: Client,
}

/// The result of checking an override against the API server.
pub(super) enum Checked {
    /// It is as it was cached, and bound if it has to be.
    Confirmed,
    /// It is another version: whether it applies has to be decided again.
    Changed(Arc<CachedOverride>),
    /// It lets no rollout pass.
    Rejected(RejectionReason),
}

impl Binder {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Checks an override that would let a rollout pass, and binds it if that is due.
    pub(super) async fn check(
        &self,
        known: &CachedOverride,
        template: TemplateHash,
        request: &OverrideRequest<'_>,
    ) -> Checked {
        let access = match request.writing {
            Writing::Allowed(access) if known.terms.is_unbound() => access,
            _ => return self.compare(known).await,
        };
        if let Err(why) = check_live_object(&self.client, request.rollout).await {
            return Checked::Rejected(why);
        }
        match self.bind(known, &use_of(request, template), access).await {
            Ok(()) => Checked::Confirmed,
            Err(kube::Error::Api(status)) if status.is_conflict() => self.reread(known).await,
            Err(error) => Checked::Rejected(failure(&error)),
        }
    }

    /// Records the first use, unless the object has changed since it was read.
    async fn bind(&self, known: &CachedOverride, first: &Use, _: WriteAccess) -> kube::Result<()> {
        let patch = json!({
            "metadata": {"resourceVersion": known.resource_version},
            "status": {"uses": [first]},
        });
        let (objects, params) = (self.objects(known), PatchParams::default());
        objects
            .patch_status(&known.terms.name, &params, &Patch::Merge(patch))
            .await
            .map(drop)
    }

    async fn compare(&self, known: &CachedOverride) -> Checked {
        match self.fresh(known).await {
            Ok(fresh) if fresh.terms == known.terms => Checked::Confirmed,
            Ok(fresh) => Checked::Changed(Arc::new(fresh)),
            Err(why) => Checked::Rejected(why),
        }
    }

    /// After a conflict: another replica has bound it, or has written its condition.
    async fn reread(&self, known: &CachedOverride) -> Checked {
        match self.fresh(known).await {
            Ok(fresh) => Checked::Changed(Arc::new(fresh)),
            Err(why) => Checked::Rejected(why),
        }
    }

    async fn fresh(&self, known: &CachedOverride) -> Result<CachedOverride, RejectionReason> {
        let object = self.objects(known).get(&known.terms.name).await;
        let object = object.map_err(|error| failure(&error))?;
        CachedOverride::parse(&object)
            .map_err(|error| RejectionReason::NotRecorded(error.to_string()))
    }

    fn objects(&self, known: &CachedOverride) -> Api<RolloutOverride> {
        Api::namespaced(self.client.clone(), &known.terms.namespace)
    }
}

/// Returns the use that a rollout would make of an override.
pub(super) fn use_of(request: &OverrideRequest<'_>, template: TemplateHash) -> Use {
    Use {
        workload_uid: uid_of(request.rollout).map(str::to_owned),
        template_hash: template.to_string(),
        user: request.rollout.user().to_owned(),
        at: Time(Timestamp::from_second(request.now.as_second()).unwrap_or(request.now)),
    }
}

fn failure(error: &kube::Error) -> RejectionReason {
    match error {
        kube::Error::Api(status) if status.is_not_found() => RejectionReason::Gone,
        error => RejectionReason::NotRecorded(error.to_string()),
    }
}

/// Checks that a review is about the object as the API server has it: an object that it changes has the
/// same UID and version there, and an object that it creates does not exist there. Otherwise a review
/// that somebody invented would bind an override.
///
/// An update that lost a race against another one is refused here. The API server would refuse it too,
/// or calls again with the newer version.
async fn check_live_object(client: &Client, rollout: &Rollout) -> Result<(), RejectionReason> {
    let subject = rollout.subject();
    let kind = subject.kind();
    let resource = api_resource(kind.into());
    let api = dynamic_api(client, &resource, Some(subject.namespace()));
    let live = api.get_metadata_opt(subject.name()).await;
    let live = live.map_err(|error| {
        RejectionReason::NotRecorded(format!(
            "rollgate could not compare the {kind} of the review with the API server's: {error}"
        ))
    })?;
    compare_live(
        rollout.old().map(|old| &**old),
        live.map(|live| live.metadata),
    )?;
    Ok(())
}

fn compare_live(old: Option<&Workload>, live: Option<ObjectMeta>) -> Result<(), NotLive> {
    let (old, live) = match (old, live) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(NotLive::Exists),
        (Some(_), None) => return Err(NotLive::Missing),
        (Some(old), Some(live)) => (old, live),
    };
    let same = |pointer: &str, live: Option<&str>| {
        let old = old.json(pointer).and_then(|value| value.as_str());
        old.is_some() && old == live
    };
    if !same("/metadata/uid", live.uid.as_deref()) {
        return Err(NotLive::OtherUid);
    }
    if !same(
        "/metadata/resourceVersion",
        live.resource_version.as_deref(),
    ) {
        return Err(NotLive::OtherVersion);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(metadata: &serde_json::Value) -> Workload {
        let tree = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": {"app": "cart"}},
                "template": {
                    "metadata": {"labels": {"app": "cart"}},
                    "spec": {"containers": [{"name": "main", "image": "cart:1"}]},
                },
            },
        });
        Workload::parse(tree, Some("shop")).expect("a Deployment")
    }

    fn live(uid: &str, version: &str) -> Option<ObjectMeta> {
        Some(ObjectMeta {
            uid: Some(uid.to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        })
    }

    #[test]
    fn review_matches_the_live_object_only_by_uid_and_version() {
        let old = workload(&json!({"name": "cart", "uid": "u-1", "resourceVersion": "7"}));
        let bare = workload(&json!({"name": "cart"}));
        let table = [
            (None, None, Ok(())),
            (None, live("u-1", "7"), Err(NotLive::Exists)),
            (Some(&old), None, Err(NotLive::Missing)),
            (Some(&old), live("u-1", "7"), Ok(())),
            (Some(&old), live("u-2", "7"), Err(NotLive::OtherUid)),
            (Some(&old), live("u-1", "8"), Err(NotLive::OtherVersion)),
            (Some(&bare), live("u-1", "7"), Err(NotLive::OtherUid)),
            (
                Some(&bare),
                Some(ObjectMeta::default()),
                Err(NotLive::OtherUid),
            ),
        ];
        for (old, live, expected) in table {
            assert_eq!(compare_live(old, live), expected);
        }
    }
}
