//! Tests of the server alone, with a handler that does what the review says.

mod callers;
mod client;
mod drain;
mod evaluation_pool;
mod limits;
mod requests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use client::Client;

/// Does what the review says under `request.do`: `answer`, `panic`, `wait MILLISECONDS` or `hang`.
struct ScriptedHandler;

impl ReviewHandler for ScriptedHandler {
    fn handle(
        self: Arc<Self>,
        body: ReviewBody,
        _caller: Caller,
        _deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse> {
        async move {
            let Ok(review) = serde_json::from_slice::<Value>(&body.bytes) else {
                return HandlerResponse::BadRequest("the body is not JSON".to_owned());
            };
            match review["request"]["do"]
                .as_str()
                .unwrap_or_default()
                .split_once(' ')
            {
                Some(("wait", milliseconds)) => {
                    sleep(Duration::from_millis(
                        milliseconds.parse().expect("a number"),
                    ))
                    .await;
                }
                _ if review["request"]["do"] == "panic" => panic!("told to"),
                _ if review["request"]["do"] == "hang" => std::future::pending().await,
                _ => {}
            }
            let answer = json!({"response": {"uid": review["request"]["uid"], "allowed": true}});
            HandlerResponse::Review(answer.to_string().into())
        }
        .boxed()
    }
}

fn review(what: &str) -> String {
    json!({"kind": "AdmissionReview", "request": {"uid": "u-1", "do": what}}).to_string()
}

/// A running server on loopback.
struct Running {
    address: SocketAddr,
    admin: SocketAddr,
    ca: String,
    context: Context,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Ended>,
}

async fn start(bounds: Bounds, drain: Drain) -> Running {
    start_handler(ScriptedHandler, bounds, drain).await
}

async fn start_handler(handler: impl ReviewHandler, bounds: Bounds, drain: Drain) -> Running {
    let pool = EvaluationPool::new(Handle::current());
    start_with(pool, Callers::default(), handler, bounds, drain).await
}

async fn start_with(
    pool: EvaluationPool,
    callers: Callers,
    handler: impl ReviewHandler,
    bounds: Bounds,
    drain: Drain,
) -> Running {
    let signed = tls::self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let readiness = Readiness::waiting_for("nothing");
    readiness.ready();
    let context = Context {
        tls: signed.tls,
        callers,
        pool,
        readiness,
        telemetry: Telemetry::default(),
        info: Arc::new(|| json!({"version": "test"})),
    };
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(Options {
        listen: loopback,
        admin: loopback,
        bounds,
        drain,
    })
    .await
    .expect("ports");
    let (address, admin) = (
        server.address().expect("an address"),
        server.admin_address().expect("an address"),
    );
    let (stop, stopped) = oneshot::channel();
    let running = server.run(Arc::new(handler), context.clone(), async {
        let _ = stopped.await;
    });
    Running {
        address,
        admin,
        ca: signed.ca,
        context,
        stop: Some(stop),
        ended: tokio::spawn(running),
    }
}

impl Running {
    async fn defaults() -> Self {
        start(Bounds::default(), Drain::default()).await
    }

    async fn h1(&self) -> Client {
        Client::h1(self.address, &self.ca).await
    }

    async fn h2(&self) -> Client {
        Client::h2(self.address, &self.ca).await
    }

    fn stop(&mut self) {
        let stop = self.stop.take().expect("stopped once");
        stop.send(()).expect("the server runs");
    }

    async fn ended(self) -> Ended {
        timeout(Duration::from_secs(10), self.ended)
            .await
            .expect("it ends")
            .expect("it does not panic")
    }
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), wait)
        .await
        .expect("it comes to hold within ten seconds");
}
