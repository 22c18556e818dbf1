//! Compares the metrics of the canary with those of the stable workload.

use rollgate_sdk::subject::{self, Subject};
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::{Evidence, Failure, Finding, Problems, Rollout, Severity, Verdict, metrics};

use crate::settings::{self, MetricsSettings};

/// The validated settings.
#[derive(Debug)]
pub(crate) struct Compare {
    source: String,
    requests: QueryTemplate,
    min_requests: f64,
    error_ratio: Option<Comparison>,
    latency: Option<Comparison>,
    breach: Severity,
}

#[derive(Debug)]
struct Comparison {
    query: QueryTemplate,
    factor: f64,
    ignore_below: f64,
}

impl Compare {
    pub(crate) fn parse(settings: &MetricsSettings, problems: &mut Problems<'_>) -> Option<Self> {
        if settings.source.is_empty() {
            problems
                .at("source")
                .refuse::<()>("is empty: name a MetricSource");
        }
        let mut requests_at = problems.at("requests");
        let requests = requests_at
            .at("query")
            .keep(subject::template(&settings.requests.query));
        if !(settings.requests.min > 0.0 && settings.requests.min.is_finite()) {
            return requests_at
                .at("min")
                .refuse("must be above 0: without requests nothing can be told");
        }
        if settings.error_ratio.is_none() && settings.latency.is_none() {
            return problems.refuse("compares nothing: give `errorRatio`, `latency` or both");
        }
        let error_ratio = comparison(
            settings.error_ratio.as_ref(),
            &mut problems.at("errorRatio"),
        );
        let latency = comparison(settings.latency.as_ref(), &mut problems.at("latency"));
        Some(Self {
            source: settings.source.clone(),
            requests: requests?,
            min_requests: settings.requests.min,
            error_ratio: error_ratio?,
            latency: latency?,
            breach: settings.breach.unwrap_or(Severity::Hold),
        })
    }

    /// Holds where the canary had too few requests, is worse, or there is no value.
    ///
    /// # Errors
    /// A query failed.
    pub(crate) fn judge(&self, rollout: &Rollout<'_>, canary: &str) -> Result<Verdict, Failure> {
        let requests = self.query(&self.requests, rollout, Some(canary))?;
        let few = requests.filter(|requests| *requests < self.min_requests);
        if let Some(verdict) = self.without_traffic(requests, few, canary) {
            return Ok(verdict);
        }
        let mut verdict = Verdict::allow();
        for (name, comparison) in [
            ("error-ratio", &self.error_ratio),
            ("latency", &self.latency),
        ] {
            let Some(comparison) = comparison else {
                continue;
            };
            let of_canary = self.query(&comparison.query, rollout, Some(canary))?;
            let of_stable = self.query(&comparison.query, rollout, None)?;
            let Some((of_canary, of_stable)) = of_canary.zip(of_stable) else {
                let who = if of_canary.is_none() {
                    canary.to_owned()
                } else {
                    "the stable workload".to_owned()
                };
                verdict = verdict.and(no_data(name, &who));
                continue;
            };
            verdict = verdict.and(self.compared(name, comparison, of_canary, of_stable));
        }
        Ok(verdict)
    }

    /// Returns the verdict where the number of requests is missing or too small.
    fn without_traffic(
        &self,
        requests: Option<f64>,
        few: Option<f64>,
        canary: &str,
    ) -> Option<Verdict> {
        if requests.is_none() {
            return Some(no_data("requests", canary));
        }
        let (few, min) = (few?, self.min_requests);
        let message = format!(
            "The canary {canary} had {few} requests, and at least {min} are needed to tell how it does"
        );
        let finding = Finding::hold("too-few-requests", "", message);
        Some(Verdict::hold(
            finding.found(few).expected(format!(">= {min}")),
        ))
    }

    fn compared(&self, name: &str, comparison: &Comparison, canary: f64, stable: f64) -> Verdict {
        let max = (stable * comparison.factor).max(comparison.ignore_below);
        let evidence = Evidence::new(name, canary).bound(format!("<= {max}"));
        let verdict = Verdict::allow().with_evidence(evidence);
        if canary <= max {
            return verdict;
        }
        let message = format!(
            "The canary is worse than the stable workload: {name} {canary} against {stable}, and at most \
             {max} is allowed"
        );
        let finding = Finding::new(self.breach, format!("{name}-worse"), "", message);
        verdict.with_finding(finding.found(canary).expected(format!("<= {max}")))
    }

    /// Returns the one number of a query; `None` where there is none, or it is NaN.
    fn query(
        &self,
        template: &QueryTemplate,
        rollout: &Rollout<'_>,
        canary: Option<&str>,
    ) -> Result<Option<f64>, Failure> {
        let subject = Subject::of(rollout)
            .ok_or_else(|| Failure::unsupported("the rollout has no object"))?;
        let subject = match canary {
            Some(name) => subject.named(name),
            None => subject,
        };
        let query = subject.render(template)?;
        let samples = metrics::query(&self.source, &query)?;
        match &samples[..] {
            [] => Ok(None),
            [one] => Ok(Some(one.value).filter(|value| !value.is_nan())),
            several => Err(Failure::unsupported(format!(
                "a query must return one number, and returned {}; aggregate it with sum(...): {query}",
                several.len()
            ))),
        }
    }
}

fn comparison(
    settings: Option<&settings::Comparison>,
    problems: &mut Problems<'_>,
) -> Option<Option<Comparison>> {
    let Some(settings) = settings else {
        return Some(None);
    };
    let query = problems
        .at("query")
        .keep(subject::template(&settings.query));
    if !(settings.factor > 0.0 && settings.factor.is_finite()) {
        return problems.at("factor").refuse("must be above 0, such as 1.5");
    }
    if !(settings.ignore_below >= 0.0 && settings.ignore_below.is_finite()) {
        return problems
            .at("ignoreBelow")
            .refuse("must be 0 or more, such as 0.001");
    }
    Some(Some(Comparison {
        query: query?,
        factor: settings.factor,
        ignore_below: settings.ignore_below,
    }))
}

fn no_data(name: &str, who: &str) -> Verdict {
    let message =
        format!("There is no value of {name} for {who}: nothing shows how the canary does");
    Verdict::hold(Finding::hold("no-data", "", message).found("no value"))
}
