//! Asks the rollgate of a cluster, by way of its API server: a dry run is judged as the change
//! itself would be, and nothing is written.

use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Resource as _};
use serde_json::json;

use super::live::{self, Live};

/// Dry runs under way at once: each waits for the policies, and the API server has others to serve.
const AT_ONCE: usize = 8;

/// An answer may hold the whole object.
const MOST_BYTES: usize = 8 << 20;

/// Tells a template from the one before without a change of what runs.
const ANNOTATION: &str = "rollgate.dev/checked-at";

/// The end of the name of each webhook that rollgate registers.
const OURS: &str = ".rollgate.dev";

/// A workload, and what would become of it.
pub(super) struct Asked {
    pub(super) live: Live,
    pub(super) answer: Answer,
    /// What the API server warned of.
    pub(super) warnings: Vec<String>,
}

/// What would become of a workload that rolled now.
pub(super) enum Answer {
    MayGo,
    /// rollgate says not now.
    Held {
        until: Timestamp,
        why: String,
    },
    /// rollgate says no, or not now without saying until when.
    Denied {
        why: String,
    },
    /// Nobody knows: the question did not reach rollgate, or its answer did not come.
    Unknown {
        why: String,
    },
}

/// Whether a rollgate is there to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registered {
    Yes,
    No,
    /// The user may not read webhook configurations.
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
    if webhooks.any(|webhook| webhook.name.ends_with(OURS)) {
        Registered::Yes
    } else {
        Registered::No
    }
}

/// Asks about each workload; the answers keep their order.
pub(super) async fn all(client: &Client, workloads: Vec<Live>) -> Vec<Asked> {
    let asked = workloads.into_iter().map(|live| one(client, live));
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn one(client: &Client, live: Live) -> Asked {
    if !live.has_template() {
        let why =
            "its template stands in another object, by `workloadRef`: that one's rollout decides"
                .to_owned();
        return Asked {
            live,
            answer: Answer::Unknown { why },
            warnings: Vec::new(),
        };
    }
    let (answer, warnings) = match dry_run(client, &live).await {
        Ok(said) => said,
        Err(error) => {
            let why = format!("the API server cannot be asked: {error}");
            (Answer::Unknown { why }, Vec::new())
        }
    };
    Asked {
        live,
        answer,
        warnings,
    }
}

async fn dry_run(client: &Client, live: &Live) -> anyhow::Result<(Answer, Vec<String>)> {
    let now = Timestamp::now();
    let patch = json!({"spec": {"template": {"metadata": {
        "annotations": { ANNOTATION: now.to_string() },
    }}}});
    let params = PatchParams {
        dry_run: true,
        field_manager: Some("rollgate-check".to_owned()),
        ..PatchParams::default()
    };
    let path = DynamicObject::url_path(&live::resource(live.kind), Some(&live.namespace));
    let request =
        kube::core::Request::new(path).patch(&live.name, &params, &Patch::Merge(&patch))?;
    let response = client.send(request.map(Body::from)).await?;
    let warnings = warnings(response.headers());
    if response.status().is_success() {
        return Ok((Answer::MayGo, warnings));
    }
    let code = response.status().as_u16();
    let body = Limited::new(response.into_body(), MOST_BYTES).collect();
    let bytes = body.await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    let status: Status = serde_json::from_slice(&bytes)?;
    Ok((answer(code, status, now), warnings))
}

fn answer(code: u16, status: Status, now: Timestamp) -> Answer {
    let Some(why) = said_by_rollgate(&status.message) else {
        let message = status.message;
        let why = match code {
            403 => format!(
                "{message}. To ask rollgate takes the right to change the workload; --policies judges without it"
            ),
            _ => message,
        };
        return Answer::Unknown { why };
    };
    let seconds = status
        .details
        .map_or(0, |details| details.retry_after_seconds);
    let until = now.checked_add(SignedDuration::from_secs(i64::from(seconds)));
    match until {
        Ok(until) if seconds > 0 => Answer::Held { until, why },
        _ => Answer::Denied { why },
    }
}

/// What a webhook of ours said. The API server tells whose words they are in words alone:
/// `admission webhook "NAME" denied the request: WORDS`.
fn said_by_rollgate(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once('"')?;
    let words = rest.strip_prefix(" denied the request: ")?;
    name.ends_with(OURS).then(|| words.trim().to_owned())
}

/// `299 - "TEXT"`, as RFC 7234 (5.5) has it and the API server writes it.
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

    fn refused(code: u16, message: &str, retry_after_seconds: u32) -> Answer {
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
        answer(code, status, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn rollgates_own_words_are_told_from_those_of_others() {
        let ours = r#"admission webhook "gate.rollgate.dev" denied the request: it is a freeze"#;
        assert!(matches!(refused(403, ours, 0), Answer::Denied { why } if why == "it is a freeze"));
        let until = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(60);
        assert!(matches!(refused(403, ours, 60), Answer::Held { until: at, .. } if at == until));
        let others = r#"admission webhook "gatekeeper.sh" denied the request: no"#;
        assert!(matches!(refused(403, others, 0), Answer::Unknown { .. }));
        let rights = r#"deployments.apps "cart" is forbidden: User "jo" cannot patch resource"#;
        assert!(
            matches!(refused(403, rights, 0), Answer::Unknown { why } if why.contains("takes the right"))
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
