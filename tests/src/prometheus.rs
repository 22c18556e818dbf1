//! A real Prometheus server with real series in it, for one test or for a whole file of them.
//!
//! It scrapes an exporter that serves what the test says, once a second.

mod bearer;
mod exporter;
mod slow;
mod web;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub use self::bearer::BearerProxy;
pub use self::exporter::Exporter;
pub use self::slow::SlowProxy;
pub use self::web::Web;
use crate::keeper::{Kept, KeptFolder, tail};

/// How long the server may take to start and to scrape.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many scrapes, a second apart, are waited for: with its default of `cacheFor`, a source may
/// ask for an instant up to five seconds ago.
const SCRAPES: u32 = 5;

/// The job that the exporter is scraped as.
pub const JOB: &str = "shop";

/// The file of the folder that holds what the server says.
const LOG: &str = "log";

/// A running server. It ends, and its folder goes, when this is dropped or the process is gone.
pub struct Prometheus {
    url: String,
    server: Kept,
    client: reqwest::Client,
    _exporter: Option<Exporter>,
    // After the server, which writes to it.
    folder: KeptFolder,
}

impl Prometheus {
    /// Starts a server and waits until it has scraped these metrics, given in Prometheus' text
    /// format.
    ///
    /// # Errors
    /// There is no Prometheus here, or it does not come up; with its own words.
    pub async fn start(metrics: &str) -> Result<Self> {
        Self::start_with(metrics, &Web::plain()).await
    }

    /// As [`start`](Self::start), with the server's TLS and users.
    ///
    /// # Errors
    /// As there.
    pub async fn start_with(metrics: &str, web: &Web) -> Result<Self> {
        let exporter = Exporter::start(metrics)?;
        let folder = KeptFolder::new("rollgate-prometheus-")?;
        write_config(folder.path(), &exporter, web)?;
        let url = format!("{}://{}/prometheus", web.scheme(), free_address()?);
        let server = launch(&program()?, &url, folder.path())?;
        let mut server = Self {
            url,
            server,
            client: web.client()?,
            _exporter: Some(exporter),
            folder,
        };
        let scraped = format!("sum_over_time(up{{job=\"{JOB}\"}}[1m]) > {SCRAPES}");
        server
            .wait_for(&scraped)
            .await
            .context("Prometheus did not come up")?;
        Ok(server)
    }

    /// Starts a server that has these samples, given with their times in the OpenMetrics text format, and
    /// gets no others.
    ///
    /// # Errors
    /// There is no Prometheus here, it refuses the samples, or it does not come up.
    pub async fn start_with_history(samples: &str) -> Result<Self> {
        let folder = KeptFolder::new("rollgate-prometheus-")?;
        let web = Web::plain();
        std::fs::write(folder.path().join("prometheus.yml"), "{}")?;
        web.write(folder.path())?;
        let program = program()?;
        create_blocks(&program, folder.path(), samples)?;
        let url = format!("{}://{}/prometheus", web.scheme(), free_address()?);
        let server = launch(&program, &url, folder.path())?;
        let mut server = Self {
            url,
            server,
            client: web.client()?,
            _exporter: None,
            folder,
        };
        server
            .wait_for("vector(1)")
            .await
            .context("Prometheus did not come up")?;
        Ok(server)
    }

    /// The address for a `MetricSource`, with a path in it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests the server has answered at one of its handlers, such as
    /// `/api/v1/query`: its own count.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn requests(&self, handler: &str) -> Result<u64> {
        let url = format!("{}/metrics", self.url);
        let text = self
            .client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let prefix = "prometheus_http_requests_total{";
        let label = format!("handler=\"{handler}\"");
        let counts = text
            .lines()
            .filter(|line| line.starts_with(prefix) && line.contains(&label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(counts.sum::<f64>() as u64)
    }

    /// Waits until a query has a result.
    async fn wait_for(&mut self, query: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let last = self.is_there(query).await;
            if matches!(last, Ok(true)) {
                return Ok(());
            }
            if let Some(status) = self.server.ended()? {
                bail!(
                    "it ended with {status}: {}",
                    tail(&self.folder.path().join(LOG))
                );
            }
            if began.elapsed() > PATIENCE {
                bail!("`{query}` had no result within {PATIENCE:?}: {last:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_there(&self, query: &str) -> Result<bool> {
        let url = format!("{}/api/v1/query", self.url);
        let answer = self
            .client
            .post(url)
            .form(&[("query", query)])
            .send()
            .await?;
        let answer: Value = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
        Ok(answer["data"]["result"]
            .as_array()
            .is_some_and(|result| !result.is_empty()))
    }
}

/// `$ROLLGATE_PROMETHEUS`, else what `tests/get-prometheus.sh` got, else the one on the `PATH`.
fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ROLLGATE_PROMETHEUS") {
        return Ok(path.into());
    }
    let got = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/prometheus/usr/bin/prometheus");
    if got.exists() {
        return Ok(got);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("prometheus"))
        .find(|program| program.exists())
        .context("no Prometheus here: run tests/get-prometheus.sh or set ROLLGATE_PROMETHEUS")
}

fn write_config(folder: &Path, exporter: &Exporter, web: &Web) -> Result<()> {
    let config = serde_json::json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s" },
        "scrape_configs": [{
            "job_name": JOB,
            "static_configs": [{
                "targets": [exporter.address()],
                "labels": { "instance": "shop-0" },
            }],
        }],
    });
    // JSON is YAML.
    std::fs::write(folder.join("prometheus.yml"), config.to_string())?;
    web.write(folder)
}

/// Writes samples as Prometheus stores them, with the promtool beside the program.
fn create_blocks(program: &Path, folder: &Path, samples: &str) -> Result<()> {
    let file = folder.join("samples");
    std::fs::write(&file, samples)?;
    let output = std::process::Command::new(program.with_file_name("promtool"))
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, &folder.join("data")])
        .output()
        .context("promtool cannot be run")?;
    if !output.status.success() {
        bail!("promtool: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A port that was free a moment ago.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn launch(program: &Path, url: &str, folder: &Path) -> Result<Kept> {
    let address = url.split('/').nth(2).unwrap_or_default();
    let path = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    let arguments = [
        path("config.file", "prometheus.yml"),
        path("web.config.file", "web.yml"),
        path("storage.tsdb.path", "data"),
        path("web.console.templates", "."),
        path("web.console.libraries", "."),
        format!("--web.listen-address={address}"),
        format!("--web.external-url={url}"),
    ];
    Kept::logged(program, arguments, &folder.join(LOG))
}
