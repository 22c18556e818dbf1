//! Writes down the uses that need not be written before they count: those of an override that is
//! not for one template, and further ones of one that is.
//!
//! One use is one template by one user of one object, however often the webhook is called for it,
//! so a controller that tries for hours writes once.

use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;

use super::bind::use_of;
use crate::admission::WriteAccess;
use crate::admission::overrides::{Override, OverrideRequest, TemplateHash};
use crate::cluster::crd::{RolloutOverride, Use};

/// More uses than a person writes overrides for.
const WAITING: usize = 64;
/// So many uses are kept: the first, and the last ones.
const KEPT: usize = 32;
/// Other replicas write, too.
const TRIES: usize = 5;

/// Takes uses to be written down.
pub(super) struct Queue(mpsc::Sender<Used>);

/// Writes down uses.
pub struct Recorder {
    client: Client,
    waiting: mpsc::Receiver<Used>,
}

struct Used {
    namespace: String,
    name: String,
    by: Use,
}

pub(super) fn new(client: Client) -> (Queue, Recorder) {
    let (queue, waiting) = mpsc::channel(WAITING);
    (Queue(queue), Recorder { client, waiting })
}

impl Queue {
    pub(super) fn add(
        &self,
        one: &Override,
        template: TemplateHash,
        plea: &OverrideRequest<'_>,
        _: WriteAccess,
    ) {
        let used = Used {
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            by: use_of(plea, template),
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
    /// Writes down what comes, until nobody adds any more or `stop` is done and all is written.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                used = self.waiting.recv() => match used {
                    Some(used) => self.write(&used).await,
                    None => return,
                },
                () = &mut stop => return,
            }
        }
    }

    async fn write(&self, used: &Used) {
        for _ in 0..TRIES {
            match self.try_write(used).await {
                Ok(()) => return,
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                Err(error) => return complain(used, &error.to_string()),
            }
        }
        complain(used, "others kept writing to it");
    }

    async fn try_write(&self, used: &Used) -> kube::Result<()> {
        let objects = Api::<RolloutOverride>::namespaced(self.client.clone(), &used.namespace);
        let object = objects.get(&used.name).await?;
        let before = object.status.map(|status| status.uses).unwrap_or_default();
        let Some(uses) = with(before, &used.by) else {
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

/// The uses with one more; `None` where it is there already.
fn with(mut uses: Vec<Use>, one: &Use) -> Option<Vec<Use>> {
    let same = |other: &Use| {
        (&other.workload_uid, &other.template_hash, &other.user)
            == (&one.workload_uid, &one.template_hash, &one.user)
    };
    if uses.iter().any(same) {
        return None;
    }
    uses.push(one.clone());
    if uses.len() > KEPT {
        uses.drain(1..=uses.len() - KEPT);
    }
    Some(uses)
}

fn complain(used: &Used, error: &str) {
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
    fn the_same_use_is_written_once() {
        let once = with(vec![], &by("jo", 1)).expect("it is the first");
        assert_eq!(with(once.clone(), &by("jo", 1)), None);
        assert_eq!(
            with(once.clone(), &by("jo", 2))
                .expect("another template")
                .len(),
            2
        );
        assert_eq!(with(once, &by("ana", 1)).expect("another user").len(), 2);
    }

    #[test]
    fn the_first_use_and_the_last_ones_are_kept() {
        let many = (0..100).fold(vec![], |uses, template| {
            with(uses, &by("jo", template)).expect("another template")
        });
        assert_eq!(many.len(), KEPT);
        assert_eq!((&many[0], &many[KEPT - 1]), (&by("jo", 0), &by("jo", 99)));
    }

    fn by(user: &str, template: u8) -> Use {
        Use {
            workload_uid: None,
            template_hash: format!("{template:032x}"),
            user: user.to_owned(),
            at: Time(Timestamp::UNIX_EPOCH),
        }
    }
}
