//! Policies that take as much as they can get, for what their neighbours are left with.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending};
use jiff::Timestamp;
use rollgate::engine::{Engine, Grants, LoadError, LoadRequest, LoadedPolicy, Module, Review};
use rollgate::sources::{Metrics, Range, Requester, Sources};
use rollgate_model::{MetricsError, Request, Revisions, Sample, Series};
use serde_json::Value;
use wasm_encoder::{ComponentSection as _, InstanceSection, ModuleArg, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::evaluation::{self, UPDATE_16K};

/// Loads the guest `misbehaving` under a name, with the right to query the source `prod`.
///
/// # Errors
/// As [`Engine::load`].
pub async fn misbehaving(
    engine: &Engine,
    name: &str,
    deed: &str,
) -> Result<Arc<LoadedPolicy>, LoadError> {
    load(engine, name, &guest(), deed, |_| {}).await
}

/// Loads another form of that guest, with other limits.
///
/// # Errors
/// As [`Engine::load`].
pub async fn load(
    engine: &Engine,
    name: &str,
    guest: &[u8],
    deed: &str,
    change: impl FnOnce(&mut LoadRequest),
) -> Result<Arc<LoadedPolicy>, LoadError> {
    let mut request = LoadRequest {
        name: name.into(),
        module: Module::new(guest.into()),
        grants: Grants {
            metrics: ["prod".to_owned()].into(),
            ..Grants::default()
        },
        ..evaluation::load_request(&[], &format!("{{\"deed\":\"{deed}\"}}"))
    };
    request.limits.timeout = Duration::from_secs(30);
    change(&mut request);
    engine.load(request).await.map(Arc::new)
}

/// The guest `misbehaving`, a core module.
///
/// # Panics
/// Where the build script has not built it.
#[must_use]
pub fn guest() -> Vec<u8> {
    fs::read(env!("MISBEHAVING")).expect("the build script built it")
}

/// The guest as a component that instantiates another core module so many times more.
///
/// # Panics
/// Where the text is no module: it is test data.
#[must_use]
pub fn with_core_instances(count: usize, module: &str) -> Vec<u8> {
    let guest = guest();
    let encoder = ComponentEncoder::default().module(&guest);
    let mut component = encoder
        .and_then(|mut encoder| encoder.encode())
        .expect("the guest is a policy");
    let index = core_modules(&component);
    let section = RawSection {
        id: wasm_encoder::ComponentSectionId::CoreModule.into(),
        data: &wat::parse_str(module).expect("wat"),
    };
    section.append_to_component(&mut component);
    let mut instances = InstanceSection::new();
    for _ in 0..count {
        instances.instantiate(index, Vec::<(&str, ModuleArg)>::new());
    }
    instances.append_to_component(&mut component);
    component
}

fn core_modules(component: &[u8]) -> u32 {
    let mut found = 0;
    for payload in Parser::new(0).parse_all(component) {
        if matches!(
            payload.expect("it was just encoded"),
            Payload::ModuleSection { .. }
        ) {
            found += 1;
        }
    }
    found
}

/// A review of an update in a namespace, with this source of metrics.
///
/// # Panics
/// Never: the review is test data.
#[must_use]
pub fn review(namespace: &str, metrics: &Arc<impl Metrics + 'static>) -> Arc<Review> {
    let mut review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
    let mut side = |name| {
        let mut object = review["request"][name].take();
        object["metadata"]["namespace"] = namespace.into();
        Some(object)
    };
    let request = Request::of_objects(side("oldObject"), side("object")).expect("an object");
    let request = Request {
        namespace: Some(namespace.to_owned()),
        ..request
    };
    let revisions = Revisions::NoCluster {
        why: "this is a test".into(),
    };
    let classified = request.classify_with(&revisions).expect("a workload");
    let sources = Sources {
        metrics: Arc::clone(metrics) as Arc<dyn Metrics>,
        ..evaluation::clock_only()
    };
    let rollout = classified.into_rollout().expect("a rollout");
    Arc::new(Review::new("test".into(), rollout, sources))
}

/// A source of metrics that counts its queries and never answers.
#[derive(Debug, Default)]
pub struct NeverAnswers(AtomicUsize);

/// A source that answers at once, with nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswersAtOnce;

impl NeverAnswers {
    /// How many queries there were.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics for NeverAnswers {
    fn query<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pending().boxed()
    }

    fn query_range<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        pending().boxed()
    }
}

impl Metrics for AnswersAtOnce {
    fn query<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        async { Ok(vec![]) }.boxed()
    }

    fn query_range<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async { Ok(vec![]) }.boxed()
    }
}
