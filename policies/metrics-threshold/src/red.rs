//! The ready-made checks: rate, errors and duration (RED). `resources.rs` adds utilization and
//! saturation (USE), with which they are the four golden signals.

use rollgate_sdk::{Problems, duration};

use crate::settings::{ErrorRatio, Latency, RequestRate};

/// A query template, and one for the Unix time of its newest sample.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) query: String,
    pub(crate) freshness: String,
    /// The number of requests during the window, where there are requests.
    pub(crate) requests: Option<String>,
}

/// Selects the workload's own Pods, by the names that their controller gives them; see
/// `rollgate_sdk::pod_names`.
const OWN_PODS: &str = r#"namespace="${namespace}",pod=~"${pods}""#;

/// Requests per second.
pub(crate) fn request_rate(settings: &RequestRate, problems: &mut Problems<'_>) -> Option<Ready> {
    let series = series(&settings.metric, settings.matchers.as_deref(), problems);
    let window = window(settings.window.as_deref(), problems);
    let (series, window) = (series?, window?);
    Some(Ready {
        query: format!("sum(rate({}[{window}]))", series.all()),
        freshness: series.freshness(),
        requests: None,
    })
}

/// Failed requests in proportion to all. Where nothing has failed yet there is no failed series,
/// which is 0. Without requests it is NaN.
pub(crate) fn error_ratio(settings: &ErrorRatio, problems: &mut Problems<'_>) -> Option<Ready> {
    let label = settings.label.as_deref().unwrap_or("code");
    let errors = settings.errors.as_deref().unwrap_or("5..");
    let label = problems.at("label").keep(label_name(label));
    let errors = problems.at("errors").keep(quoted(errors));
    let series = series(&settings.metric, settings.matchers.as_deref(), problems);
    let window = window(settings.window.as_deref(), problems);
    let (label, errors, series, window) = (label?, errors?, series?, window?);
    let all = series.with(&format!(r#"{label}!="""#));
    let failed = series.with(&format!("{label}=~{errors}"));
    Some(Ready {
        query: format!("(sum(rate({failed}[{window}])) or vector(0)) / sum(rate({all}[{window}]))"),
        freshness: format!("max(timestamp({all}))"),
        requests: Some(format!("sum(increase({all}[{window}]))")),
    })
}

/// The duration within which `quantile` of the requests end, in seconds.
pub(crate) fn latency(settings: &Latency, problems: &mut Problems<'_>) -> Option<Ready> {
    let quantile = problems.at("quantile").keep(quantile(settings.quantile));
    let base = settings.metric.strip_suffix("_bucket");
    let base = base.unwrap_or(&settings.metric);
    let (bucket, count) = (format!("{base}_bucket"), format!("{base}_count"));
    let series = series(&bucket, settings.matchers.as_deref(), problems);
    let window = window(settings.window.as_deref(), problems);
    let (quantile, series, window) = (quantile?, series?, window?);
    Some(Ready {
        query: format!(
            "histogram_quantile({quantile}, sum by (le) (rate({}[{window}])))",
            series.all()
        ),
        freshness: series.freshness(),
        requests: Some(format!(
            "sum(increase({count}{{{}}}[{window}]))",
            series.matchers
        )),
    })
}

/// A metric with the matchers for the workload's series.
pub(crate) struct Series<'a> {
    metric: &'a str,
    matchers: &'a str,
}

impl Series<'_> {
    pub(crate) fn all(&self) -> String {
        format!("{}{{{}}}", self.metric, self.matchers)
    }

    pub(crate) fn with(&self, matcher: &str) -> String {
        match self.matchers {
            "" => format!("{}{{{matcher}}}", self.metric),
            matchers => format!("{}{{{matchers},{matcher}}}", self.metric),
        }
    }

    pub(crate) fn freshness(&self) -> String {
        format!("max(timestamp({}))", self.all())
    }
}

pub(crate) fn series<'a>(
    metric: &'a str,
    matchers: Option<&'a str>,
    problems: &mut Problems<'_>,
) -> Option<Series<'a>> {
    let matchers = matchers.unwrap_or(OWN_PODS).trim().trim_end_matches(',');
    if matchers.starts_with('{') {
        return problems
            .at("matchers")
            .refuse("takes the content of a selector's braces, without the braces");
    }
    let metric = problems.at("metric").keep(metric_name(metric))?;
    Some(Series { metric, matchers })
}

pub(crate) fn window(text: Option<&str>, problems: &mut Problems<'_>) -> Option<String> {
    let window = problems
        .at("window")
        .keep(duration::parse(text.unwrap_or("5m")))?;
    Some(format!("{}s", window.as_secs()))
}

/// Checks a metric name, which may have a `:` in Prometheus' data model, other than a label name.
fn metric_name(name: &str) -> Result<&str, String> {
    is_name(name, &['_', ':']).then_some(name).ok_or_else(|| {
        format!(
            "`{name}` is no name of a metric; write one such as http_requests_total, without labels"
        )
    })
}

fn label_name(name: &str) -> Result<&str, String> {
    is_name(name, &['_'])
        .then_some(name)
        .ok_or_else(|| format!("`{name}` is no name of a label; write one such as code"))
}

fn is_name(name: &str, signs: &[char]) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || signs.contains(&c);
    name.starts_with(|c: char| fits(c) && !c.is_ascii_digit()) && name.chars().all(fits)
}

/// Returns the text as a PromQL string literal without variables.
fn quoted(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('\n') {
        return Err(
            "is empty or has a line break; write a regular expression such as 5..".to_owned(),
        );
    }
    let escaped = text
        .replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace("${", "$${");
    Ok(format!("\"{escaped}\""))
}

fn quantile(quantile: f64) -> Result<f64, String> {
    match quantile > 0.0 && quantile < 1.0 {
        true => Ok(quantile),
        false => Err(format!(
            "`{quantile}` is no quantile; write a number between 0 and 1, such as 0.99"
        )),
    }
}
