//! The Pod template of an Argo Rollout that stands in another object, read within a part of the
//! review's time.

use std::sync::Arc;

use rollgate_model::{Read, Referring, TemplateRef, Workload};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::sources::{Cluster, ObjectRef, Reading};

/// One of this many parts of the time left: the revisions and the policies need the rest.
const PART: u32 = 3;

/// Reads the objects that the old and the new Rollout refer to, as they are now, with rollgate's own
/// rights. A policy that asks for a template which could not be read fails.
pub(super) async fn resolve(
    cluster: &dyn Cluster,
    referring: Referring,
    deadline: Instant,
) -> Read {
    let until = Instant::now() + deadline.saturating_duration_since(Instant::now()) / PART;
    let read = async |side: Option<&Arc<Workload>>| {
        let reference = side?.template_ref()?;
        let template = timeout_at(until, referred_template(cluster, reference));
        let template = template.await.unwrap_or_else(|_| Err(TOO_LATE.to_owned()));
        Some((reference.clone(), template))
    };
    let same = |reference: &TemplateRef| {
        let old = referring.old().and_then(|old| old.template_ref());
        old == Some(reference)
    };
    let new = read(referring.new()).await;
    let old = match &new {
        Some((reference, _)) if same(reference) => None,
        _ => read(referring.old()).await,
    };
    let templates: Vec<_> = new.into_iter().chain(old).collect();
    referring.resolve(|rollout| {
        let mut read = templates.iter();
        let read = read.find(|(reference, _)| Some(reference) == rollout.template_ref());
        let (_, template) = read.expect("each reference was read");
        template.clone()
    })
}

const TOO_LATE: &str = "the API server did not answer in time";

/// Reads the Pod template that a Rollout refers to, as it is now.
///
/// # Errors
/// Why it cannot be read, in words.
pub async fn referred_template(
    cluster: &dyn Cluster,
    reference: &TemplateRef,
) -> Result<Value, String> {
    let (api_version, kind) = reference.kind()?;
    let object = ObjectRef {
        api_version,
        kind,
        namespace: reference.namespace(),
        name: reference.name(),
    };
    let text = cluster.get(object, Reading::Fresh).await;
    let text = text.map_err(|error| error.message)?;
    let object = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    reference.template_of(&object)
}
