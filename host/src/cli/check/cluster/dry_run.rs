//! Asks the rollgate in a cluster through its API server: a dry run is evaluated like the change
//! itself, and nothing is written.

use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Resource as _};
use serde_json::json;

use super::super::evaluate::{DryRunOutcome, DryRunResult};
use super::workloads::Live;
use crate::cluster::api_resource;

/// Dry runs at once: each waits for the policies, and the API server has other clients.
const AT_ONCE: usize = 8;

/// A response may contain the whole object.
const MOST_BYTES: usize = 8 << 20;

/// Changes a template without changing what runs.
const ANNOTATION: &str = "rollgate.dev/checked-at";

/// The suffix of the names of rollgate's webhooks.
const SUFFIX: &str = ".rollgate.dev";

/// Whether rollgate is registered in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registered {
    Yes,
    No,
    /// The user may not list webhook configurations.
    Unknown,
}

/// Looks for a webhook of rollgate's.
pub(super) async fn is_registered(client: &Client) -> Registered {
    let all: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let Ok(found) = all.list(&ListParams::default()).await else {
        return Registered::Unknown;
    };
    let mut webhooks = found
        .items
        .iter()
        .flat_map(|one| one.webhooks.iter().flatten());
    if webhooks.any(|webhook| webhook.name.ends_with(SUFFIX)) {
        Registered::Yes
    } else {
        Registered::No
    }
}

/// Makes a dry run of each workload; the results keep their order.
pub(super) async fn all(client: &Client, workloads: &[Live]) -> Vec<DryRunResult> {
    let results = workloads.iter().map(|live| one(client, live));
    stream::iter(results).buffered(AT_ONCE).collect().await
}

async fn one(client: &Client, live: &Live) -> DryRunResult {
    if !live.has_template() {
        return DryRunResult {
            outcome: DryRunOutcome::Unknown {
                message: "its Pod template is in another object (`spec.workloadRef`), which a dry run of this one does not change; --policies evaluates it".to_owned(),
            },
            warnings: Vec::new(),
        };
    }
    dry_run(client, live)
        .await
        .unwrap_or_else(|error| DryRunResult {
            outcome: DryRunOutcome::Unknown {
                message: format!("the request to the API server failed: {error}"),
            },
            warnings: Vec::new(),
        })
}

async fn dry_run(client: &Client, live: &Live) -> anyhow::Result<DryRunResult> {
    let now = Timestamp::now();
    let patch = json!({"spec": {"template": {"metadata": {
        "annotations": { ANNOTATION: now.to_string() },
    }}}});
    let params = PatchParams {
        dry_run: true,
        field_manager: Some("rollgate-check".to_owned()),
        ..PatchParams::default()
    };
    let path = DynamicObject::url_path(&api_resource(live.kind.into()), Some(&live.namespace));
    let request =
        kube::core::Request::new(path).patch(&live.name, &params, &Patch::Merge(&patch))?;
    let response = client.send(request.map(Body::from)).await?;
    let warnings = warnings(response.headers());
    if response.status().is_success() {
        return Ok(DryRunResult {
            outcome: DryRunOutcome::Allowed,
            warnings,
        });
    }
    let code = response.status().as_u16();
    let body = Limited::new(response.into_body(), MOST_BYTES).collect();
    let bytes = body.await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    let status: Status = serde_json::from_slice(&bytes)?;
    Ok(DryRunResult {
        outcome: outcome(code, status, now),
        warnings,
    })
}

fn outcome(code: u16, status: Status, now: Timestamp) -> DryRunOutcome {
    let Some(message) = denial_by_rollgate(&status.message) else {
        let message = status.message;
        return DryRunOutcome::Unknown {
            message: match code {
                403 => format!(
                    "{message}. A dry run needs the right to change the workload; --policies evaluates without it"
                ),
                _ => message,
            },
        };
    };
    let details = status.details;
    let seconds = details.map_or(0, |details| details.retry_after_seconds);
    match now.checked_add(SignedDuration::from_secs(i64::from(seconds))) {
        Ok(until) if seconds > 0 => DryRunOutcome::Held { until, message },
        _ => DryRunOutcome::Denied { message },
    }
}

/// Returns the message of a denial by rollgate. The API server names the webhook in text only:
/// `admission webhook "NAME" denied the request: MESSAGE`.
fn denial_by_rollgate(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once('"')?;
    let text = rest.strip_prefix(" denied the request: ")?;
    name.ends_with(SUFFIX).then(|| text.trim().to_owned())
}

/// Parses `299 - "TEXT"` (RFC 7234, 5.5), as the API server writes it.
fn warnings(headers: &hyper::HeaderMap) -> Vec<String> {
    let values = headers.get_all("warning").into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let quoted = texts.filter_map(|text| text.strip_prefix("299 - \"")?.strip_suffix('"'));
    quoted
        .map(|text| text.replace("\\\"", "\"").replace("\\\\", "\\"))
        .collect()
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    fn refused(code: u16, message: &str, retry_after_seconds: u32) -> DryRunOutcome {
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: vec![],
            retry_after_seconds,
        };
        let status = Status {
            message: message.to_owned(),
            details: Some(details),
            ..Status::default()
        };
        outcome(code, status, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn denial_by_rollgate_is_distinguished_from_other_errors() {
        let ours = r#"admission webhook "gate.rollgate.dev" denied the request: it is a freeze"#;
        assert!(
            matches!(refused(403, ours, 0), DryRunOutcome::Denied { message } if message == "it is a freeze")
        );
        let until = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(60);
        assert!(
            matches!(refused(403, ours, 60), DryRunOutcome::Held { until: at, .. } if at == until)
        );
        let others = r#"admission webhook "gatekeeper.sh" denied the request: no"#;
        assert!(matches!(
            refused(403, others, 0),
            DryRunOutcome::Unknown { .. }
        ));
        let rights = r#"deployments.apps "cart" is forbidden: User "jo" cannot patch resource"#;
        assert!(
            matches!(refused(403, rights, 0), DryRunOutcome::Unknown { message } if message.contains("needs the right"))
        );
    }

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = hyper::HeaderMap::new();
        let value = r#"299 - "a \"quoted\" word""#.parse().expect("a header");
        headers.append("warning", value);
        assert_eq!(warnings(&headers), ["a \"quoted\" word"]);
    }
}
