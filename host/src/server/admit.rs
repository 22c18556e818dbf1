//! From a request of a known path to what the [`Answer`] says of it. All others get 404, and their body
//! is not read.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::body::{BodyError, Budget};
use super::callers::{Callers, ClientCertificate};
use super::deadline::{BadTimeout, Deadline};
use super::throttle::Throttle;
use super::{Answer, Reply, rescue};
use crate::admission::Caller;
use crate::telemetry::Telemetry;

static COMPLAINTS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// What every request needs.
pub(super) struct Edge<A> {
    pub(super) answer: Arc<A>,
    pub(super) budget: Budget,
    pub(super) callers: Callers,
    pub(super) telemetry: Telemetry,
}

/// What the webhook's port answers. Which path is right depends on the caller, so the router tells none
/// from another.
pub(super) fn routes<A: Answer>(edge: Edge<A>) -> Router {
    Router::new()
        .fallback(admit::<A>)
        .with_state(Arc::new(edge))
}

async fn admit<A: Answer>(State(edge): State<Arc<Edge<A>>>, request: Request) -> Response {
    let from = Instant::now();
    let in_flight = edge.telemetry.in_flight();
    let response = match edge.reply(request, from).await {
        Ok(reply) => reply.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    drop(in_flight);
    edge.telemetry
        .request(response.status().as_u16(), from.elapsed());
    response
}

impl<A: Answer> Edge<A> {
    async fn reply(&self, request: Request, from: Instant) -> Result<Reply, Refusal> {
        let caller = self.caller(&request)?;
        if request.method() != Method::POST {
            return Err(Refusal::Method(request.method().clone()));
        }
        json_only(request.headers())?;
        let deadline = Deadline::of(request.uri().query(), from)?;
        let held = self
            .budget
            .read(request.into_body(), deadline.answer)
            .await?;
        self.guarded(held.bytes.clone(), caller, deadline).await
    }

    fn caller(&self, request: &Request) -> Result<Caller, Refusal> {
        let certificate = request.extensions().get().copied();
        let certificate = certificate.unwrap_or(ClientCertificate::NotAskedFor);
        let caller = self.callers.caller(request.uri().path(), certificate);
        caller.ok_or_else(|| {
            complain();
            Refusal::NotFound
        })
    }

    /// Whatever happens to the answer, a review with a uid gets one before the API server gives up.
    async fn guarded(
        &self,
        body: Bytes,
        caller: Caller,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let answer = self.answer.answer(body.clone(), caller, deadline.answer);
        let answer = AssertUnwindSafe(answer).catch_unwind();
        let broken = match timeout_at(deadline.last, answer).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(_)) => {
                self.telemetry.panic();
                Refusal::Panicked
            }
            Err(_) => Refusal::Late,
        };
        tracing::error!(error = %broken, "a review was denied because rollgate itself failed");
        rescue::denial(&body, &broken.to_string())
            .map(Reply::Review)
            .ok_or(broken)
    }
}

fn json_only(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(Refusal::ContentType("none".to_owned()));
    };
    let essence = value
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        return Ok(());
    }
    Err(Refusal::ContentType(
        String::from_utf8_lossy(value.as_bytes()).into_owned(),
    ))
}

/// The path is not told: it may be a secret that was right a while ago.
fn complain() {
    if let Some(held_back) = COMPLAINTS.pass() {
        tracing::warn!(
            held_back,
            "a request for another path than that of reviews got 404; if the API server sent it, its \
             registration names an outdated path"
        );
    }
}

/// Why a request gets no AdmissionReview.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(
        "nothing is answered at this path: reviews go to POST /admit, or to the secret path behind it where one is set; health and metrics are on the admin port"
    )]
    NotFound,
    #[error("{0} is not answered here: use POST")]
    Method(Method),
    #[error("the content type must be application/json, found {0}")]
    ContentType(String),
    #[error(transparent)]
    Timeout(#[from] BadTimeout),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("rollgate failed while it judged this review; its log has the panic")]
    Panicked,
    #[error("rollgate came to no decision in time")]
    Late,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout(_) | Self::Body(BodyError::Broken(_)) => StatusCode::BAD_REQUEST,
            Self::Body(BodyError::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Slow(_) | BodyError::NoRoom) => StatusCode::REQUEST_TIMEOUT,
            Self::Panicked | Self::Late => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn into_response(self) -> Response {
        text(self.status(), self.to_string())
    }
}

impl Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Review(json) => {
                let mut response = Body::from(json).into_response();
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Self::BadRequest(message) => text(StatusCode::BAD_REQUEST, message),
            Self::NotReady(message) => text(StatusCode::SERVICE_UNAVAILABLE, message),
        }
    }
}

/// One line of text.
pub(super) fn text(status: StatusCode, mut line: String) -> Response {
    line.push('\n');
    (status, line).into_response()
}
