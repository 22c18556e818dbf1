//! Records uses in the status of overrides, as far as they need not be recorded before they count: uses
//! of an override that is not for one template, and all but the first of one that is.
//!
//! A use is one template of one object by one user, however often the webhook is called for it. So a
//! controller that retries for hours writes once.

use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;

use super::bind::use_of;
use crate::admission::WriteAccess;
use crate::admission::overrides::{Override, OverrideRequest, TemplateHash};
use crate::cluster::crd::{RolloutOverride, Use};

/// The length of the queue, far more than the uses of overrides at one time.
const QUEUE: usize = 64;
/// How many uses a status keeps: the first one and the latest ones.
const MAX_USES: usize = 32;
/// Other replicas may write at the same time.
const MAX_TRIES: usize = 5;

/// Queues uses to be recorded.
pub(super) struct UseQueue(mpsc::Sender<QueuedUse>);

/// Records queued uses.
pub(crate) struct Recorder {
    client: Client,
    queued: mpsc::Receiver<QueuedUse>,
}

struct QueuedUse {
    namespace: String,
    name: String,
    entry: Use,
}

pub(super) fn new(client: Client) -> (UseQueue, Recorder) {
    let (queue, queued) = mpsc::channel(QUEUE);
    (UseQueue(queue), Recorder { client, queued })
}

impl UseQueue {
    pub(super) fn add(
        &self,
        one: &Override,
        template: TemplateHash,
        request: &OverrideRequest<'_>,
        _: WriteAccess,
    ) {
        let used = QueuedUse {
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            entry: use_of(request, template),
        };
        if self.0.try_send(used).is_err() {
            tracing::warn!(
                namespace = one.namespace,
                name = one.name,
                "a use of an override is not in its status: too many at once; this log and the audit log have it"
            );
        }
    }
}

impl Recorder {
    /// Records queued uses until `stop` is done and the queue is empty.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                used = self.queued.recv() => match used {
                    Some(used) => self.write(&used).await,
                    None => return,
                },
                () = &mut stop => return,
            }
        }
    }

    async fn write(&self, used: &QueuedUse) {
        for _ in 0..MAX_TRIES {
            match self.try_write(used).await {
                Ok(()) => return,
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                Err(error) => return warn(used, &error.to_string()),
            }
        }
        warn(used, "it kept changing");
    }

    async fn try_write(&self, used: &QueuedUse) -> kube::Result<()> {
        let objects = Api::<RolloutOverride>::namespaced(self.client.clone(), &used.namespace);
        let object = objects.get(&used.name).await?;
        let before = object.status.map(|status| status.uses).unwrap_or_default();
        let Some(uses) = with(before, &used.entry) else {
            return Ok(());
        };
        let patch = json!({
            "metadata": {"resourceVersion": object.metadata.resource_version},
            "status": {"uses": uses},
        });
        let params = PatchParams::default();
        objects
            .patch_status(&used.name, &params, &Patch::Merge(&patch))
            .await
            .map(drop)
    }
}

/// Adds a use; `None` if it is there already.
fn with(mut uses: Vec<Use>, one: &Use) -> Option<Vec<Use>> {
    let same = |other: &Use| {
        (&other.workload_uid, &other.template_hash, &other.user)
            == (&one.workload_uid, &one.template_hash, &one.user)
    };
    if uses.iter().any(same) {
        return None;
    }
    uses.push(one.clone());
    if uses.len() > MAX_USES {
        uses.drain(1..=uses.len() - MAX_USES);
    }
    Some(uses)
}

fn warn(used: &QueuedUse, error: &str) {
    tracing::warn!(
        namespace = used.namespace,
        name = used.name,
        error,
        "a use of an override is not in its status; this log and the audit log have it"
    );
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn same_use_is_recorded_once() {
        let once = with(vec![], &use_by("jo", 1)).expect("it is the first");
        assert_eq!(with(once.clone(), &use_by("jo", 1)), None);
        assert_eq!(
            with(once.clone(), &use_by("jo", 2))
                .expect("another template")
                .len(),
            2
        );
        assert_eq!(
            with(once, &use_by("ana", 1)).expect("another user").len(),
            2
        );
    }

    #[test]
    fn first_use_and_latest_uses_are_kept() {
        let many = (0..100).fold(vec![], |uses, template| {
            with(uses, &use_by("jo", template)).expect("another template")
        });
        assert_eq!(many.len(), MAX_USES);
        assert_eq!(
            (&many[0], &many[MAX_USES - 1]),
            (&use_by("jo", 0), &use_by("jo", 99))
        );
    }

    fn use_by(user: &str, template: u8) -> Use {
        Use {
            workload_uid: None,
            template_hash: format!("{template:032x}"),
            user: user.to_owned(),
            at: Time(Timestamp::UNIX_EPOCH),
        }
    }
}
