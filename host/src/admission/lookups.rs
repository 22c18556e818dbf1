//! Reads what a review needs from the API server, each within a part of the review's time.

use std::sync::Arc;

use rollgate_model::json::{Builder, Value};
use rollgate_model::{
    Classification, NeedsHistory, NeedsTemplate, Revisions, TemplateRef, Workload,
};
use serde::de::DeserializeSeed as _;
use tokio::time::{Instant, timeout_at};

use super::memory::memory_of_review;
use crate::config::NamespaceLabels;
use crate::sources::{Cluster, History, KindRef, ObjectRef, Reading};

/// Each read may take one of this many parts of the time left; the policies need the rest.
const NAMESPACE_PART: u32 = 4;
pub(super) const TEMPLATE_PART: u32 = 3;
const REVISIONS_PART: u32 = 3;

pub(super) const TOO_LATE: &str = "the API server did not answer in time";

/// Reads the labels of a namespace. If they cannot be read, policies with a `namespaceSelector`
/// match.
pub(super) async fn namespace_labels(
    cluster: &dyn Cluster,
    namespace: &str,
    deadline: Instant,
) -> NamespaceLabels {
    if namespace.is_empty() {
        return NamespaceLabels::Unknown {
            why: "the object names no namespace".to_owned(),
        };
    }
    let until = part_of(deadline, NAMESPACE_PART);
    match timeout_at(until, cluster.namespace_labels(namespace)).await {
        Ok(Ok(labels)) => NamespaceLabels::Known(labels),
        Ok(Err(error)) => NamespaceLabels::Unknown { why: error.message },
        Err(_) => NamespaceLabels::Unknown {
            why: TOO_LATE.to_owned(),
        },
    }
}

/// Reads the Pod templates that the old and the new Argo Rollout refer to (`spec.workloadRef`), as
/// they are now. If one cannot be read, a policy that asks for it fails.
pub(super) async fn referred_templates(
    cluster: &dyn Cluster,
    needs: NeedsTemplate,
    deadline: Instant,
) -> Classification {
    let until = part_of(deadline, TEMPLATE_PART);
    let [old, new] = [needs.old(), needs.new()].map(template_ref_of);
    let mut templates: Vec<(TemplateRef, Result<Value, String>)> = Vec::new();
    for reference in [old, new].into_iter().flatten() {
        if templates.iter().any(|(read, _)| *read == reference) {
            continue;
        }
        let template = timeout_at(until, referred_template(cluster, &reference)).await;
        let template = template.unwrap_or_else(|_| Err(TOO_LATE.to_owned()));
        templates.push((reference, template));
    }
    needs.resolve(|rollout| {
        let mut templates = templates.iter();
        let found = templates.find(|(reference, _)| Some(reference) == rollout.template_ref());
        found.expect("every reference was read").1.clone()
    })
}

fn template_ref_of(rollout: Option<&Arc<Workload>>) -> Option<TemplateRef> {
    rollout?.template_ref().cloned()
}

/// Reads the Pod template that an Argo Rollout refers to, as it is now.
///
/// # Errors
/// Why it cannot be read.
pub(crate) async fn referred_template(
    cluster: &dyn Cluster,
    reference: &TemplateRef,
) -> Result<Value, String> {
    let (api_version, kind) = reference.kind()?;
    let object = ObjectRef {
        kind: KindRef { api_version, kind },
        namespace: Some(reference.namespace()),
        name: reference.name(),
    };
    let text = cluster.get(object, Reading::Fresh).await;
    let text = text.map_err(|error| error.message)?;
    reference.template_of(&parse_object(&text)?)
}

/// Parses an object of the cluster within the memory that a review of its length has.
pub(super) fn parse_object(text: &str) -> Result<Value, String> {
    let mut builder = Builder::new(memory_of_review(text.len()));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = builder.object().deserialize(&mut deserializer);
    tree.map_err(|error| error.to_string())
}

/// Reads the earlier revisions of a workload. If they do not arrive in time, the change counts as a
/// roll-forward: a policy may then hold a rollback, but never lets something pass that it should not.
pub(super) async fn revisions(
    history: &dyn History,
    needs: &NeedsHistory,
    deadline: Instant,
) -> Revisions {
    let until = part_of(deadline, REVISIONS_PART);
    match timeout_at(until, sufficient_revisions(history, needs)).await {
        Ok(revisions) => revisions,
        Err(_) => Revisions::Unknown {
            why: "the API server did not return the earlier revisions in time".into(),
        },
    }
}

/// Reads from the API server's cache first, which is fast and suffices for most changes.
async fn sufficient_revisions(history: &dyn History, needs: &NeedsHistory) -> Revisions {
    let wanted = needs.revision_query();
    if needs.accepts_stale_revisions() {
        let recent = history.revisions(&wanted, Reading::Recent).await;
        if recent.why_not_known().is_some() || needs.is_resolved_by_stale(&recent) {
            return recent;
        }
    }
    history.revisions(&wanted, Reading::Fresh).await
}

pub(super) fn part_of(deadline: Instant, part: u32) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / part
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, pending, ready};
    use rollgate_model::{MutableTags, Request, Revision, RevisionQuery};
    use serde_json::{Value, json};

    use super::*;

    struct Silent;

    impl History for Silent {
        fn revisions<'a>(&'a self, _: &'a RevisionQuery, _: Reading) -> BoxFuture<'a, Revisions> {
            pending().boxed()
        }
    }

    #[tokio::test]
    async fn slow_api_server_leaves_time_for_the_policies() {
        let deadline = Instant::now() + Duration::from_millis(600);
        let revisions = revisions(&Silent, &update(cart(1), cart(2)), deadline).await;
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left >= Duration::from_millis(200), "{left:?} left");
        let Revisions::Unknown { why } = revisions else {
            panic!("nothing was read");
        };
        assert_eq!(
            why,
            "the API server did not return the earlier revisions in time"
        );
    }

    #[tokio::test]
    async fn cached_revisions_suffice_if_they_have_the_present_template() {
        let history = Lagging::by(1);
        assert_eq!(
            readings_of(&history, cart(2), cart(4)).await,
            [Reading::Recent]
        );
    }

    #[tokio::test]
    async fn cached_revisions_without_the_present_template_are_read_again() {
        let history = Lagging::by(1);
        let readings = readings_of(&history, cart(3), cart(2)).await;
        assert_eq!(readings, [Reading::Recent, Reading::Fresh]);
    }

    #[tokio::test]
    async fn resumed_rollout_reads_fresh_revisions_at_once() {
        let mut paused = cart(3);
        paused["spec"]["paused"] = true.into();
        let history = Lagging::by(1);
        assert_eq!(
            readings_of(&history, paused, cart(3)).await,
            [Reading::Fresh]
        );
    }

    #[tokio::test]
    async fn failed_read_is_not_repeated() {
        let history = Lagging {
            known: None,
            ..Lagging::by(0)
        };
        assert_eq!(
            readings_of(&history, cart(1), cart(2)).await,
            [Reading::Recent]
        );
    }

    /// Three revisions, of which a recent reading lacks some; `None` where they cannot be read.
    struct Lagging {
        known: Option<Vec<Revision>>,
        by: usize,
        requested: Mutex<Vec<Reading>>,
    }

    impl Lagging {
        fn by(lacking: usize) -> Self {
            let revision = |number: usize| {
                let created = format!("2026-0{number}-01T00:00:00Z");
                let template = cart(number)["spec"]["template"].take();
                Revision::new("cart", created.parse().expect("an instant"), template)
            };
            Self {
                known: Some((1..=3).map(revision).collect()),
                by: lacking,
                requested: Mutex::default(),
            }
        }
    }

    impl History for Lagging {
        fn revisions<'a>(
            &'a self,
            _: &'a RevisionQuery,
            reading: Reading,
        ) -> BoxFuture<'a, Revisions> {
            self.requested.lock().expect("no panic").push(reading);
            let answer = match (&self.known, reading) {
                (None, _) => Revisions::Unknown {
                    why: "of a test".into(),
                },
                (Some(all), Reading::Fresh) => Revisions::Known(all.clone()),
                (Some(all), Reading::Recent) => {
                    Revisions::Known(all[..all.len() - self.by].to_vec())
                }
            };
            ready(answer).boxed()
        }
    }

    async fn readings_of(history: &Lagging, old: Value, new: Value) -> Vec<Reading> {
        let deadline = Instant::now() + Duration::from_secs(5);
        revisions(history, &update(old, new), deadline).await;
        history.requested.lock().expect("no panic").clone()
    }

    fn update(old: Value, new: Value) -> NeedsHistory {
        match Request::update(old, new).classify(&MutableTags::default()) {
            Ok(Classification::NeedsHistory(needs)) => *needs,
            other => panic!("classified without revisions: {other:?}"),
        }
    }

    fn cart(version: usize) -> Value {
        let image = format!("cart:{version}");
        let template = json!({
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "web", "image": image}]},
        });
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template},
        })
    }
}
