//! Waiting for what a cluster does in its own time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Far more than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often to ask again.
const EVERY: Duration = Duration::from_millis(50);

/// Asks again and again until there is an answer. `what` completes "waited in vain for".
///
/// # Errors
/// None came in a long while; with the last error, where asking failed.
pub async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let from = Instant::now();
    loop {
        let answer = ask().await;
        match answer {
            Ok(Some(answer)) => return Ok(answer),
            _ if from.elapsed() < PATIENCE => tokio::time::sleep(EVERY).await,
            Ok(None) => bail!("waited in vain for {what}"),
            Err(error) => return Err(error).with_context(|| format!("waited in vain for {what}")),
        }
    }
}
