//! Loads a policy from bytes and evaluates reviews with it, without a server.

use std::sync::Arc;
use std::time::Duration;

use rollgate::engine::{
    Engine, EngineOptions, EvaluationError, Grants, Limits, LoadError, LoadRequest, LoadedPolicy,
    Module, Review,
};
use rollgate::sources::{Disconnected, FixedClock, NamedMetrics, Sources};
use rollgate_model::{Request, Revisions, Rollout, Verdict};
use serde_json::Value;
use tokio::time::Instant;

/// The review that benchmarks are made with: an update of a sound Deployment, 16 KB.
pub const UPDATE_16K: &str = include_str!("../data/update-16k.json");

/// An engine without a cache.
///
/// # Panics
/// Where the machine cannot hold the pool.
#[must_use]
pub fn engine() -> Engine {
    Engine::new(&EngineOptions::default()).expect("the machine can hold the pool")
}

/// A request to load a module with default limits and no grants.
#[must_use]
pub fn load_request(module: &[u8], settings: &str) -> LoadRequest {
    LoadRequest {
        name: "under-test".into(),
        module: Module::new(module.into()),
        settings: settings.into(),
        limits: Limits::default(),
        grants: Grants::default(),
    }
}

/// Loads a module with default limits and no grants.
///
/// # Errors
/// As [`Engine::load`].
pub async fn load(
    engine: &Engine,
    module: &[u8],
    settings: &str,
) -> Result<LoadedPolicy, LoadError> {
    engine.load(load_request(module, settings)).await
}

/// Sources with nothing but a clock, which shows 2026-11-27T10:00:00Z.
///
/// # Panics
/// Never: the instant is well formed.
#[must_use]
pub fn clock_only() -> Sources {
    Sources {
        clock: Arc::new(FixedClock(
            "2026-11-27T10:00:00Z".parse().expect("an instant"),
        )),
        metrics: Arc::new(NamedMetrics::default()),
        cluster: Arc::new(Disconnected),
        history: Arc::new(Disconnected),
    }
}

/// The rollout of an AdmissionReview.
///
/// # Panics
/// Where the text is no review of a rollout: it is test data.
#[must_use]
pub fn rollout(review: &str) -> Rollout {
    let review: Value = serde_json::from_str(review).expect("JSON");
    let request = &review["request"];
    let object = |field: &str| Some(request[field].clone()).filter(|object| !object.is_null());
    let namespace = request["namespace"].as_str().map(str::to_owned);
    let request = Request::of_objects(object("oldObject"), object("object"));
    let request = Request {
        namespace,
        ..request.expect("an object")
    };
    reviewed(request)
}

/// The creation of an object.
///
/// # Panics
/// Where the object is no workload: it is test data.
#[must_use]
pub fn creation(object: Value) -> Rollout {
    reviewed(Request::create(object))
}

/// A review of a rollout, with nothing but a clock.
#[must_use]
pub fn review(rollout: Rollout) -> Arc<Review> {
    Arc::new(Review::new("test".into(), rollout, clock_only()))
}

/// Evaluates a review, with more time than any limit of the policy.
///
/// # Errors
/// As [`LoadedPolicy::evaluate`].
pub async fn evaluate(
    policy: &LoadedPolicy,
    review: &Arc<Review>,
) -> Result<Verdict, EvaluationError> {
    policy
        .evaluate(review, Instant::now() + Duration::from_secs(30))
        .await
}

fn reviewed(request: Request) -> Rollout {
    let revisions = Revisions::NoCluster {
        why: "this is a test".into(),
    };
    let classified = request.classify_with(&revisions).expect("a workload");
    classified.into_rollout().expect("a rollout")
}
