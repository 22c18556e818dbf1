//! AdmissionReview v1 in and out.

mod object;

use bytes::Bytes;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionResponse, AdmissionReview};
use kube::core::response::{Status, StatusDetails, StatusSummary};
use rollgate_model::{Asker, Kind, Operation, Request, ShapeError, SubResource};
use serde::Deserialize;

use super::decision::{Answer, Decision};
use super::{annotations, message, plain, warnings};
use object::Object;

const VERSION: &str = "admission.k8s.io/v1";

/// An answer: an AdmissionReview as JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(pub Bytes);

/// A body that no AdmissionReview can answer, since not even its uid can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is no AdmissionReview ({VERSION}): {0}")]
pub struct BadRequest(String);

/// A review whose uid was read, but not the rest.
pub(super) struct Unreadable {
    pub(super) uid: String,
    pub(super) message: String,
}

/// What a review asks.
pub(super) struct Asked {
    pub(super) uid: String,
    /// `None` where the object is none that rollgate looks at.
    pub(super) request: Option<Request>,
}

impl Asked {
    /// `argo` are the users that Argo Rollouts' controller is.
    pub(super) fn read(
        body: &[u8],
        argo: &[String],
    ) -> Result<Result<Self, Unreadable>, BadRequest> {
        match serde_json::from_slice::<Review>(body) {
            Ok(review) => Ok(review.into_asked(argo)),
            Err(error) => Unreadable::find(body, &error).map(Err),
        }
    }
}

impl Unreadable {
    /// An object in the review does not have the shape of its kind.
    pub(super) fn object(uid: String, error: &ShapeError) -> Self {
        Self {
            uid,
            message: format!("rollgate cannot read the object: {error}"),
        }
    }

    /// Answers at least to the uid, where the body has one.
    fn find(body: &[u8], error: &serde_json::Error) -> Result<Self, BadRequest> {
        #[derive(Deserialize)]
        struct Outline {
            request: OutlineRequest,
        }
        #[derive(Deserialize)]
        struct OutlineRequest {
            uid: String,
        }
        match serde_json::from_slice::<Outline>(body) {
            Ok(outline) => Ok(Self {
                uid: outline.request.uid,
                message: format!("rollgate cannot read the review: {error}"),
            }),
            Err(_) => Err(BadRequest(error.to_string())),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: AdmissionRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionRequest {
    uid: String,
    kind: GroupKind,
    resource: GroupResource,
    #[serde(default)]
    sub_resource: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    operation: String,
    #[serde(default)]
    user_info: UserInfo,
    #[serde(default)]
    object: Object,
    #[serde(default)]
    old_object: Object,
    #[serde(default)]
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
struct GroupKind {
    #[serde(default)]
    group: String,
    kind: String,
}

#[derive(Deserialize)]
struct GroupResource {
    #[serde(default)]
    group: String,
    resource: String,
}

#[derive(Default, Deserialize)]
struct UserInfo {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl Review {
    fn into_asked(self, argo: &[String]) -> Result<Asked, Unreadable> {
        let request = self.request;
        if (self.api_version.as_str(), self.kind.as_str()) != (VERSION, "AdmissionReview") {
            let message = format!(
                "rollgate speaks {VERSION} AdmissionReview, and was sent {} {}; list `v1` in the webhook's admissionReviewVersions",
                self.api_version, self.kind
            );
            return Err(Unreadable {
                uid: request.uid,
                message,
            });
        }
        let operation: Operation = match request.operation.parse() {
            Ok(operation) => operation,
            Err(error) => {
                return Err(Unreadable {
                    uid: request.uid,
                    message: format!("rollgate cannot read the review: {error}"),
                });
            }
        };
        if !request.kind.is_ours() {
            return Ok(Asked {
                uid: request.uid,
                request: None,
            });
        }
        let sub_resource = SubResource::of(
            request.sub_resource.as_deref().unwrap_or_default(),
            &request.resource.group,
            &request.resource.resource,
        );
        Ok(Asked {
            uid: request.uid,
            request: Some(Request {
                operation,
                sub_resource,
                namespace: request.namespace,
                asker: asker(&request.user_info.username, argo),
                user: request.user_info.username,
                groups: request.user_info.groups,
                dry_run: request.dry_run.unwrap_or_default(),
                object: request.object.into_tree(),
                old_object: request.old_object.into_tree(),
            }),
        })
    }
}

fn asker(user: &str, argo: &[String]) -> Asker {
    if argo.iter().any(|controller| controller == user) {
        Asker::ArgoController
    } else {
        Asker::Other
    }
}

impl GroupKind {
    /// In whatever version: one that rollgate does not know is said to be unreadable later, where a
    /// yes would let it pass every policy.
    fn is_ours(&self) -> bool {
        let scale = self.group == "autoscaling" && self.kind == "Scale";
        scale
            || self
                .kind
                .parse()
                .is_ok_and(|kind: Kind| group(kind.api_version()) == self.group)
    }
}

/// The group of an `apiVersion`; the core group is empty.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The answer to a rollout that was judged.
pub(super) fn decided(uid: String, decision: &Decision) -> Reply {
    let warnings = warnings::of(decision);
    let mut response = match decision.answer() {
        Answer::Allow => yes(uid),
        Answer::Hold(_) | Answer::Deny => no(uid, forbidden(decision)),
    };
    response.audit_annotations = annotations::of(decision);
    response.warnings = (!warnings.is_empty()).then_some(warnings);
    reply(response)
}

/// The answer to what is no rollout.
pub(super) fn allowed(uid: String) -> Reply {
    reply(yes(uid))
}

/// The answer to a review that cannot be read: no, since a wrong yes could follow.
pub(super) fn invalid(unreadable: Unreadable) -> Reply {
    let status = Status {
        status: Some(StatusSummary::Failure),
        code: 400,
        reason: "BadRequest".into(),
        message: plain::reword(&plain::one_line(&unreadable.message)),
        ..Status::default()
    };
    reply(no(unreadable.uid, status))
}

/// 403, never 409 or 422 (Flux and `kubectl apply --force` then delete and recreate) and never 429
/// or 5xx (clients retry silently).
fn forbidden(decision: &Decision) -> Status {
    let subject = decision.rollout().subject();
    Status {
        status: Some(StatusSummary::Failure),
        code: 403,
        reason: "Forbidden".into(),
        message: message::denial(decision),
        details: decision.retry_after().map(|seconds| StatusDetails {
            name: subject.name().to_owned(),
            group: group(subject.api_version()).to_owned(),
            kind: subject.kind().as_str().to_owned(),
            uid: String::new(),
            causes: vec![],
            retry_after_seconds: seconds,
        }),
        ..Status::default()
    }
}

fn yes(uid: String) -> AdmissionResponse {
    let mut response = no(uid, Status::default());
    response.allowed = true;
    response
}

fn no(uid: String, status: Status) -> AdmissionResponse {
    let mut response = AdmissionResponse::invalid("");
    response.uid = uid;
    response.result = status;
    response
}

fn reply(response: AdmissionResponse) -> Reply {
    let review: AdmissionReview<DynamicObject> = response.into_review();
    Reply(
        serde_json::to_vec(&review)
            .expect("maps with string keys only")
            .into(),
    )
}
