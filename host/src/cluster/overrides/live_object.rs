//! Holds the object of a review against the one that the API server has now.

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ObjectMeta};
use rollgate_model::{Rollout, Workload};

use crate::admission::overrides::{NotLive, RejectionReason};

/// Checks that a review is about the object as the API server has it: that the one which it changes has
/// this UID and this version, and that the one which it creates does not exist.
///
/// An update that lost a race against another one is refused here. The API server would refuse it too,
/// or calls again with the newer version.
pub(super) async fn check(client: &Client, rollout: &Rollout) -> Result<(), RejectionReason> {
    let subject = rollout.subject();
    let live = api(client, subject).get_metadata_opt(subject.name()).await;
    let live = live.map_err(|error| {
        RejectionReason::NotRecorded(format!(
            "the API server does not tell rollgate whether this is the {} that it has: {error}",
            subject.kind()
        ))
    })?;
    compare(
        rollout.old().map(|old| &**old),
        live.map(|live| live.metadata),
    )?;
    Ok(())
}

fn compare(old: Option<&Workload>, live: Option<ObjectMeta>) -> Result<(), NotLive> {
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

fn api(client: &Client, subject: &Workload) -> Api<DynamicObject> {
    let api_version = subject.kind().api_version();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = GroupVersionKind::gvk(group, version, subject.kind().as_str());
    let resource = ApiResource::from_gvk(&kind);
    Api::namespaced_with(client.clone(), subject.namespace(), &resource)
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
    fn review_is_about_the_live_object_only_with_its_uid_and_version() {
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
            assert_eq!(compare(old, live), expected);
        }
    }
}
