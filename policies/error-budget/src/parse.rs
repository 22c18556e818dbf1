//! Parses settings into objectives, and collects all mistakes.

use rollgate_sdk::jiff::SignedDuration;
use rollgate_sdk::threshold::{Answer, Answers, Bounds, Threshold};
use rollgate_sdk::{Problems, Severity, duration, subject};

use crate::settings::{Ratio, Settings, SloSettings, WindowSettings};
use crate::slo::{Measure, Slo, Windows};

/// Each takes four queries where the running version may be the cause, of the 64 of an evaluation.
const MOST_PAIRS: usize = 14;

/// Parses all objectives.
pub(crate) fn slos(settings: &Settings, problems: &mut Problems<'_>) -> Option<Vec<Slo>> {
    if settings.source.is_empty() {
        problems
            .at("source")
            .refuse::<()>("is empty: name a MetricSource");
    }
    let windows = windows(&settings.windows, &mut problems.at("windows"));
    let mut problems = problems.at("slos");
    if settings.slos.is_empty() {
        return problems.refuse("is empty: without an objective every rollout would pass");
    }
    let windows = windows?;
    if settings.slos.len() * windows.len() > MOST_PAIRS {
        return problems.refuse(format!(
            "has {} objectives with {} pairs of windows each; at most {MOST_PAIRS} pairs can be queried",
            settings.slos.len(),
            windows.len()
        ));
    }
    let slos = settings.slos.iter().enumerate();
    let slos: Vec<_> = slos
        .map(|(index, one)| slo(one, settings, &windows, &mut problems.at(index)))
        .collect();
    slos.into_iter().collect()
}

/// Parses `fixForward`; `None` means never.
pub(crate) fn fix_forward(
    text: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<Option<SignedDuration>> {
    match text {
        Some("never") => Some(None),
        text => problems
            .at("fixForward")
            .keep(duration::parse(text.unwrap_or("6h")))
            .map(Some),
    }
}

/// A pair of windows as PromQL writes them.
struct Pair {
    long: String,
    short: String,
    burn_rate: f64,
}

fn windows(settings: &[WindowSettings], problems: &mut Problems<'_>) -> Option<Vec<Pair>> {
    if settings.is_empty() {
        let pair = |long: &str, short: &str, burn_rate| Pair {
            long: long.to_owned(),
            short: short.to_owned(),
            burn_rate,
        };
        return Some(vec![pair("1h", "5m", 14.4), pair("6h", "30m", 6.0)]);
    }
    let pairs = settings.iter().enumerate();
    let pairs: Vec<_> = pairs
        .map(|(index, settings)| {
            let mut problems = problems.at(index);
            let long = problems.at("long").keep(window(&settings.long));
            let short = problems.at("short").keep(window(&settings.short));
            if settings.burn_rate.is_nan() || settings.burn_rate <= 0.0 {
                return problems
                    .at("burnRate")
                    .refuse("must be above 0, such as 14.4");
            }
            let ((long, short), (longer, shorter)) =
                (long.zip(short)?, (&settings.long, &settings.short));
            if long.0 <= short.0 {
                return problems.at("short").refuse(format!(
                    "`{shorter}` is not shorter than the long window `{longer}`"
                ));
            }
            Some(Pair {
                long: long.1,
                short: short.1,
                burn_rate: settings.burn_rate,
            })
        })
        .collect();
    pairs.into_iter().collect()
}

/// Parses a window, and returns it as Prometheus and the names of recorded series write it: in the
/// greatest unit that it is a whole number of.
fn window(text: &str) -> Result<(SignedDuration, String), String> {
    let length = duration::parse(text)?;
    let seconds = length.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let (unit, name) = units
        .into_iter()
        .find(|(unit, _)| seconds % unit == 0)
        .unwrap_or((1, "s"));
    Ok((length, format!("{}{name}", seconds / unit)))
}

fn slo(
    settings: &SloSettings,
    common: &Settings,
    pairs: &[Pair],
    problems: &mut Problems<'_>,
) -> Option<Slo> {
    let name = problems.at("name").keep(name(&settings.name));
    let budget = problems.at("objective").keep(budget(settings.objective));
    let text = query(settings, problems);
    let (name, budget, text) = (name?, budget?, text?);
    let measure = |window: &str, problems: &mut Problems<'_>| {
        let query = problems.keep(subject::template(&text.replace("${window}", window)))?;
        let window = window.to_owned();
        Some(Measure { window, query })
    };
    let mut windows = Vec::new();
    for pair in pairs {
        // Rounded, because 14.4 * 0.001 is 0.0144…01.
        let max = (pair.burn_rate * budget * 1e12).round() / 1e12;
        if max >= 1.0 {
            return problems.at("objective").refuse(format!(
                "allows {budget} of all requests to fail, so its budget never burns {} times too fast; \
                 set `windows` with a lower burnRate",
                pair.burn_rate
            ));
        }
        windows.push(Windows {
            long: measure(&pair.long, problems)?,
            short: measure(&pair.short, problems)?,
            burn_rate: pair.burn_rate,
            threshold: Threshold {
                name: name.clone(),
                bounds: problems.keep(Bounds::new(None, Some(max)))?,
                breach: common.breach.unwrap_or(Severity::Hold),
                max_age: SignedDuration::MAX,
                answers: answers(common),
            },
        });
    }
    Some(Slo { budget, windows })
}

fn answers(settings: &Settings) -> Answers {
    let answers = settings.answers;
    Answers {
        no_data: answers.no_data.unwrap_or(Answer::Hold),
        nan: answers.nan.unwrap_or(Answer::Hold),
        stale: Answer::Allow,
        error: answers.error.unwrap_or(Answer::Fail),
    }
}

fn name(name: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        Ok(name.to_owned())
    } else {
        Err("must be small letters, digits and `-`, at most 63, such as availability")
    }
}

/// Returns the ratio of requests that may fail.
fn budget(objective: f64) -> Result<f64, String> {
    if objective > 0.0 && objective < 1.0 {
        let percent = (objective * 1_000_000.0).round() / 10_000.0;
        return Err(format!("is in percent; for {objective} write {percent}"));
    }
    if !(objective > 0.0 && objective < 100.0) {
        return Err("must be above 0 and below 100 percent, such as 99.9".to_owned());
    }
    // Rounded, because 100 - 99.9 is 0.0999…
    Ok(((100.0 - objective) * 1e7).round() / 1e9)
}

/// Returns the text of the query for the ratio of errors, with `${window}`.
fn query(settings: &SloSettings, problems: &mut Problems<'_>) -> Option<String> {
    match (&settings.ratio, &settings.sloth, &settings.pyrra) {
        (Some(ratio), None, None) => self::ratio(ratio, &mut problems.at("ratio")),
        (None, Some(sloth), None) => Some(format!(
            "slo:sli_error:ratio_rate${{window}}{{sloth_service=\"{}\",sloth_slo=\"{}\"}}",
            quoted(&sloth.service),
            quoted(&sloth.slo)
        )),
        (None, None, Some(pyrra)) => {
            let fits = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
            if pyrra.metric.is_empty() || !pyrra.metric.chars().all(fits) {
                return problems
                    .at("pyrra")
                    .at("metric")
                    .refuse("is no name of a metric; write one such as http_requests_total");
            }
            // As Pyrra names its rules: without one `_total`, and then without one `_count`.
            let base = pyrra.metric.strip_suffix("_total").unwrap_or(&pyrra.metric);
            let base = base.strip_suffix("_count").unwrap_or(base);
            Some(format!(
                "{base}:burnrate${{window}}{{slo=\"{}\"}}",
                quoted(&pyrra.slo)
            ))
        }
        _ => problems.refuse("takes exactly one of `ratio`, `sloth` and `pyrra`"),
    }
}

fn ratio(ratio: &Ratio, problems: &mut Problems<'_>) -> Option<String> {
    let part = match (&ratio.errors, &ratio.good) {
        (Some(part), None) | (None, Some(part)) => part,
        _ => return problems.refuse("takes exactly one of `errors` and `good`"),
    };
    for (field, text) in [("total", &ratio.total), ("errors", part)] {
        if !text.contains("${window}") {
            let field = if field == "errors" && ratio.good.is_some() {
                "good"
            } else {
                field
            };
            return problems.at(field).refuse(
                "does not use ${window}, so that each window would have the same value; \
                 write a query such as sum(rate(http_requests_total[${window}]))",
            );
        }
    }
    // Without a failed request there may be no series for failures, which is none.
    let fraction = format!("(({part}) or vector(0)) / ({})", ratio.total);
    Some(if ratio.good.is_some() {
        format!("1 - {fraction}")
    } else {
        fraction
    })
}

/// Escapes a text for double quotes; variables stay.
fn quoted(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace('\n', r"\n")
}
