//! The HTTP endpoint for reviews: checks a request, reads its body, and calls the
//! [`ReviewHandler`]. Any other path gets 404, and its body is not read.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::body::{BodyBudget, BodyError};
use super::callers::{Callers, ClientCertificate};
use super::deadline::{BadTimeout, Deadline};
use super::evaluation_pool::EvaluationPool;
use super::throttle::Throttle;
use super::{HandlerResponse, ReviewHandler, panic_response};
use crate::admission::{Caller, ReviewBody};
use crate::telemetry::Telemetry;

static WARNINGS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// What all requests share.
pub(super) struct ReviewEndpoint {
    pub(super) handler: Arc<dyn ReviewHandler>,
    pub(super) pool: EvaluationPool,
    pub(super) budget: BodyBudget,
    pub(super) callers: Callers,
    pub(super) telemetry: Telemetry,
}

/// Returns the routes of the webhook's port. The right path depends on the caller, so the router
/// does not match paths.
pub(super) fn routes(endpoint: ReviewEndpoint) -> Router {
    Router::new().fallback(serve).with_state(Arc::new(endpoint))
}

async fn serve(State(endpoint): State<Arc<ReviewEndpoint>>, request: Request) -> Response {
    let start = Instant::now();
    let in_flight = endpoint.telemetry.in_flight();
    let response = match endpoint.respond(request, start).await {
        Ok(response) => response.into_response(),
        Err(rejection) => rejection.into_response(),
    };
    drop(in_flight);
    endpoint
        .telemetry
        .request(response.status().as_u16(), start.elapsed());
    response
}

impl ReviewEndpoint {
    async fn respond(
        &self,
        request: Request,
        start: Instant,
    ) -> Result<HandlerResponse, Rejection> {
        let caller = self.caller(&request)?;
        if request.method() != Method::POST {
            return Err(Rejection::Method(request.method().clone()));
        }
        json_only(request.headers())?;
        let deadline = Deadline::of(request.uri().query(), start)?;
        let body = self
            .budget
            .read(request.into_body(), deadline.answer)
            .await?;
        self.handle(body, caller, deadline).await
    }

    fn caller(&self, request: &Request) -> Result<Caller, Rejection> {
        let certificate = request.extensions().get().copied();
        let certificate = certificate.unwrap_or(ClientCertificate::NotAskedFor);
        let caller = self.callers.caller(request.uri().path(), certificate);
        caller.ok_or_else(|| {
            warn();
            Rejection::NotFound
        })
    }

    /// Calls the handler. If it panics or is late, a review that has a uid is denied before the API
    /// server gives up.
    async fn handle(
        &self,
        body: ReviewBody,
        caller: Caller,
        deadline: Deadline,
    ) -> Result<HandlerResponse, Rejection> {
        let bytes = body.bytes.clone();
        let handler = Arc::clone(&self.handler);
        let response = handler.handle(body, caller, deadline.answer);
        let response = AssertUnwindSafe(self.pool.run(response)).catch_unwind();
        let failure = match timeout_at(deadline.last, response).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(_)) => {
                self.telemetry.panic();
                Rejection::Panicked
            }
            Err(_) => Rejection::Late,
        };
        tracing::error!(error = %failure, "a review was denied because rollgate itself failed");
        panic_response::denial(&bytes, &failure.to_string())
            .map(HandlerResponse::Review)
            .ok_or(failure)
    }
}

fn json_only(headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(Rejection::ContentType("none".to_owned()));
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
    Err(Rejection::ContentType(
        String::from_utf8_lossy(value.as_bytes()).into_owned(),
    ))
}

/// Does not log the path: it may be a secret that was valid until recently.
fn warn() {
    if let Some(held_back) = WARNINGS.pass() {
        tracing::warn!(
            held_back,
            "a request for another path than that of reviews got 404; if the API server sent it, its \
             registration names an outdated path"
        );
    }
}

/// Why a request gets no AdmissionReview back.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error(
        "there is nothing at this path: reviews are sent to POST /admit, or to the secret path below it if one is set; health and metrics are on the admin port"
    )]
    NotFound,
    #[error("method {0} is not allowed here: use POST")]
    Method(Method),
    #[error("the content type must be application/json, found {0}")]
    ContentType(String),
    #[error(transparent)]
    Timeout(#[from] BadTimeout),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("rollgate failed while it evaluated this review; its log has the panic")]
    Panicked,
    #[error("rollgate came to no decision in time")]
    Late,
}

impl Rejection {
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

impl HandlerResponse {
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
