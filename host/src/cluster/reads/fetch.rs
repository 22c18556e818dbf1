//! One question to the API server: within a time, and its answer within a size.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use kube::Client;
use kube::api::ListParams;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::failure::Failure;

/// How long one question may take. Whoever asks for a review gives up earlier, by its deadline; this
/// ends what goes on without him.
const LONGEST: Duration = Duration::from_secs(10);

/// The most bytes of one answer. An object has 1.5 MiB at most (etcd's limit of a request).
const MOST_BYTES: usize = 16 << 20;

/// Asks, and reads the JSON of the answer.
pub(super) async fn fetch<T: DeserializeOwned>(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<T, Failure> {
    let answer = timeout(LONGEST, answer(client, request)).await;
    let bytes = answer.unwrap_or(Err(Failure::Timeout))?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::Odd(error.to_string()))
}

async fn answer(client: &Client, request: Request<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST_BYTES);
    let bytes = match body.collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge),
        Err(error) => return Err(Failure::Unreachable(error.to_string())),
    };
    if status.is_success() {
        return Ok(bytes);
    }
    Err(Failure::Refused {
        status: status.as_u16(),
        message: message(&bytes),
    })
}

/// What a `Status` says; the answer of a proxy may be anything.
fn message(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let status = serde_json::from_slice::<Status>(bytes);
    status.map(|status| status.message).unwrap_or_default()
}

/// How many objects one page holds.
const PAGE: u32 = 100;

/// A list, read page by page.
pub(super) struct Pages<'a> {
    client: &'a Client,
    list: kube::core::Request,
    params: ListParams,
    ended: bool,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMetadata,
    // A list without objects may come as `null` from an aggregated API.
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl<'a> Pages<'a> {
    /// The objects under a path that a label selector selects; empty, all.
    pub(super) fn new(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().limit(PAGE);
        Self::with(client, path, selector, params)
    }

    /// The same as one page, as they are in the API server's cache. Without this the API server
    /// answers when its cache has caught up with etcd, for which it waits up to 100 ms wherever
    /// objects of other kinds were written since (KEP-2340).
    pub(super) fn cached(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().match_any();
        Self::with(client, path, selector, params)
    }

    fn with(client: &'a Client, path: String, selector: &str, params: ListParams) -> Self {
        let params = match selector {
            "" => params,
            labels => params.labels(labels),
        };
        Self {
            client,
            list: kube::core::Request::new(path),
            params,
            ended: false,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let request = self.list.list(&self.params);
        let request = request.map_err(|error| Failure::Odd(error.to_string()))?;
        let page: Page<T> = fetch(self.client, request).await?;
        self.params.continue_token = page.metadata.next.filter(|token| !token.is_empty());
        self.ended = self.params.continue_token.is_none();
        Ok(Some(page.items.unwrap_or_default()))
    }
}
