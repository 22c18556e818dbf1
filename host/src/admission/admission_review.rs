//! Parses AdmissionReviews (admission.k8s.io/v1) and writes the responses.

mod request;

use bytes::Bytes;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionResponse, AdmissionReview};
use kube::core::response::{Status, StatusDetails, StatusSummary};
use rollgate_model::json::Builder;
use rollgate_model::{
    Kind, Operation, Outcome, Request, Requester, SubResource, TemplateRef, Workload,
};
use serde::Deserialize;

use super::NotEvaluated;
use super::decision::Decision;
use super::memory::memory_of_review;
use super::render;
use request::{AdmissionRequest, GroupKind, Review};

const VERSION: &str = "admission.k8s.io/v1";

/// A response: an AdmissionReview as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewResponse(pub Bytes);

/// A body that cannot be answered, since it has no uid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is no AdmissionReview ({VERSION}): {0}")]
pub struct BadRequest(String);

/// A review that has a uid, and is invalid otherwise.
pub(super) struct InvalidReview {
    pub(super) uid: String,
    pub(super) message: String,
}

/// A review that was parsed.
pub(super) struct ParsedReview {
    pub(super) uid: String,
    /// The bytes that its objects take, and will take.
    pub(super) memory: usize,
    pub(super) request: ReviewedRequest,
}

/// A request, by the kind of its object.
pub(super) enum ReviewedRequest {
    /// About a workload, which is evaluated.
    Workload(Request),
    /// About another object from which Argo Rollouts may take their Pod template.
    TemplateSource(Request),
    /// About any other object.
    Other,
}

impl ParsedReview {
    /// Parses a review within the memory of [`memory_of_review`]. `argo` are the users of Argo Rollouts'
    /// controller.
    pub(super) fn parse(
        body: &[u8],
        argo: &[String],
    ) -> Result<Result<Self, InvalidReview>, BadRequest> {
        let most = memory_of_review(body.len()) - body.len();
        let mut builder = Builder::new(most);
        let review = Review::parse(body, &mut builder);
        builder.finish();
        match review {
            Ok(review) if reserve_records(&mut builder, &review.request) => {
                Ok(Self::of(review, argo, builder.used()))
            }
            Ok(_) => InvalidReview::with_many_values(body, most).map(Err),
            Err(_) if builder.is_exceeded() => InvalidReview::with_many_values(body, most).map(Err),
            Err(error) => InvalidReview::find(body, &error).map(Err),
        }
    }
}

impl InvalidReview {
    /// Creates the error for a request that cannot be evaluated.
    pub(super) fn not_evaluated(uid: String, error: &NotEvaluated) -> Self {
        Self {
            uid,
            message: error.to_string(),
        }
    }

    /// Creates the error for a body whose values take more than `most` bytes of memory.
    fn with_many_values(body: &[u8], most: usize) -> Result<Self, BadRequest> {
        let problem = format!(
            "its objects have too many values for their size: they take more than {most} bytes of memory, the limit for a review of {} bytes",
            body.len()
        );
        Self::with(body, problem)
    }

    fn find(body: &[u8], error: &serde_json::Error) -> Result<Self, BadRequest> {
        Self::with(body, error.to_string())
    }

    /// Reads at least the uid.
    fn with(body: &[u8], problem: String) -> Result<Self, BadRequest> {
        match uid_of_review(body) {
            Some(uid) => Ok(Self {
                uid,
                message: format!("rollgate cannot read the review: {problem}"),
            }),
            None => Err(BadRequest(problem)),
        }
    }
}

/// Returns the uid of a review that may be invalid otherwise.
pub(crate) fn uid_of_review(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Outline {
        request: Request,
    }
    #[derive(Deserialize)]
    struct Request {
        uid: String,
    }
    let outline: Outline = serde_json::from_slice(body).ok()?;
    Some(outline.request.uid)
}

impl ParsedReview {
    fn of(review: Review, argo: &[String], memory: usize) -> Result<Self, InvalidReview> {
        let Review {
            api_version,
            kind,
            request,
        } = review;
        if (api_version.as_str(), kind.as_str()) != (VERSION, "AdmissionReview") {
            let message = format!(
                "rollgate speaks {VERSION} AdmissionReview, and was sent {api_version} {kind}; list `v1` in the webhook's admissionReviewVersions",
            );
            return Err(InvalidReview {
                uid: request.uid,
                message,
            });
        }
        let operation: Operation = match request.operation.parse() {
            Ok(operation) => operation,
            Err(error) => {
                return Err(InvalidReview {
                    uid: request.uid,
                    message: format!("rollgate cannot read the review: {error}"),
                });
            }
        };
        let kind = request.kind;
        let sub_resource = SubResource::of(
            request.sub_resource.as_deref().unwrap_or_default(),
            &request.resource.group,
            &request.resource.resource,
        );
        let of_kind = if kind.is_evaluated() {
            ReviewedRequest::Workload
        } else if kind.is_template_source() {
            ReviewedRequest::TemplateSource
        } else {
            |_| ReviewedRequest::Other
        };
        Ok(Self {
            uid: request.uid,
            memory,
            request: of_kind(Request {
                operation,
                sub_resource,
                namespace: request.namespace,
                requester: requester(&request.user_info.username, argo),
                user: request.user_info.username,
                groups: request.user_info.groups,
                dry_run: request.dry_run,
                object: request.object,
                old_object: request.old_object,
            }),
        })
    }
}

/// Counts what the records of both objects will take, and a copy of one of them: the baseline.
fn reserve_records(builder: &mut Builder, request: &AdmissionRequest) -> bool {
    let objects = [&request.object, &request.old_object];
    let records: usize = objects.into_iter().flatten().map(Workload::weight).sum();
    let all = builder.used().saturating_add(records);
    builder.reserve(records.saturating_add(all / 2))
}

fn requester(user: &str, argo: &[String]) -> Requester {
    if argo.iter().any(|controller| controller == user) {
        Requester::ArgoController
    } else {
        Requester::Other
    }
}

impl GroupKind {
    /// Returns whether rollgate evaluates this kind, in any version: an unknown version is rejected later,
    /// since allowing it would bypass every policy.
    fn is_evaluated(&self) -> bool {
        let scale = self.group == "autoscaling" && self.kind == "Scale";
        scale
            || self
                .kind
                .parse()
                .is_ok_and(|kind: Kind| group(kind.api_version()) == self.group)
    }

    /// Returns whether Argo Rollouts may take Pod templates from objects of this kind.
    fn is_template_source(&self) -> bool {
        TemplateRef::is_possible(&self.group, &self.kind)
    }
}

/// Returns the group of an `apiVersion`; the core group is empty.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns the response for the decisions over the rollouts of a request: the first that does not allow
/// its rollout counts, and the warnings of all are shown.
pub(super) fn decided(uid: String, decisions: &[Decision]) -> ReviewResponse {
    let blocking = |decision: &&Decision| decision.outcome() != Outcome::Allow;
    let Some(decision) = decisions.iter().find(blocking).or(decisions.first()) else {
        return allowed(uid);
    };
    let warnings: Vec<String> = decisions.iter().flat_map(render::warnings).collect();
    let mut response = match decision.outcome() {
        Outcome::Allow => allow(uid),
        Outcome::Hold(_) | Outcome::Deny => deny(uid, forbidden(decision)),
    };
    response.audit_annotations = render::annotations(decision);
    response.warnings = (!warnings.is_empty()).then_some(warnings);
    to_json(response)
}

/// Returns the response that allows a request without a policy.
pub(super) fn allowed(uid: String) -> ReviewResponse {
    to_json(allow(uid))
}

/// Returns the response to an invalid review: it is denied, since a wrong admission could follow.
pub(super) fn invalid(invalid: InvalidReview) -> ReviewResponse {
    let status = Status {
        status: Some(StatusSummary::Failure),
        code: 400,
        reason: "BadRequest".into(),
        message: render::reword(&render::one_line(&invalid.message)),
        ..Status::default()
    };
    to_json(deny(invalid.uid, status))
}

/// 403, never 409 or 422 (Flux and `kubectl apply --force` then delete and recreate) and never 429
/// or 5xx (clients retry silently).
fn forbidden(decision: &Decision) -> Status {
    let subject = decision.rollout().subject();
    Status {
        status: Some(StatusSummary::Failure),
        code: 403,
        reason: "Forbidden".into(),
        message: render::denial(decision),
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

fn allow(uid: String) -> AdmissionResponse {
    let mut response = deny(uid, Status::default());
    response.allowed = true;
    response
}

fn deny(uid: String, status: Status) -> AdmissionResponse {
    let mut response = AdmissionResponse::invalid("");
    response.uid = uid;
    response.result = status;
    response
}

fn to_json(response: AdmissionResponse) -> ReviewResponse {
    let review: AdmissionReview<DynamicObject> = response.into_review();
    ReviewResponse(
        serde_json::to_vec(&review)
            .expect("maps with string keys only")
            .into(),
    )
}
