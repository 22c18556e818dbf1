//! Parses settings into checks, and collects all mistakes.

use rollgate_sdk::jiff::SignedDuration;
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::threshold::{Answer, Answers, Bounds, Threshold};
use rollgate_sdk::{Problems, Severity, duration};

use crate::before::Before;
use crate::check::Check;
use crate::over::Over;
use crate::reach;
use crate::red::{self, Ready};
use crate::requests::MinRequests;
use crate::resources;
use crate::settings::{AnswerSettings, CheckSettings, Settings};
use rollgate_sdk::subject;

/// Parses all checks.
pub(crate) fn checks(settings: &Settings, problems: &mut Problems<'_>) -> Option<Vec<Check>> {
    let mut problems = problems.at("checks");
    if settings.checks.is_empty() {
        return problems.refuse("is empty: without a check every rollout would pass");
    }
    let mut checks = Vec::new();
    for (index, check) in settings.checks.iter().enumerate() {
        let mut problems = problems.at(index);
        let earlier = settings.checks.iter().take(index);
        if earlier
            .into_iter()
            .any(|earlier| earlier.name == check.name)
        {
            problems
                .at("name")
                .refuse::<()>("is the name of an earlier check too");
        }
        checks.push(self::check(check, settings, &mut problems));
    }
    checks.into_iter().collect()
}

fn check(check: &CheckSettings, common: &Settings, problems: &mut Problems<'_>) -> Option<Check> {
    let name = problems.at("name").keep(name(&check.name));
    let source = source(check, common, problems);
    let queries = queries(check, problems);
    let over = Over::parse(check, problems);
    let before = Before::parse(check, problems);
    let bounds = match before? {
        Some(before) => before.placeholder(),
        None => problems.keep(Bounds::new(check.min, check.max)),
    };
    if let Some(bounds) = bounds.filter(|_| check.before.is_none()) {
        reach::check(check, bounds, problems);
    }
    let answers = answers(&check.answers, &common.answers, &mut problems.at("answers"));
    let max_age = match answers?.stale {
        Answer::Allow => MaxAge::Any,
        _ => max_age(check, common, problems)?,
    };
    let Queries {
        query,
        freshness,
        requests,
    } = queries?;
    let min_requests = MinRequests::parse(check, requests.as_deref(), problems);
    let freshness = match (max_age, freshness) {
        (MaxAge::Any, _) => None,
        (MaxAge::AtMost(_), Some(freshness)) => Some(freshness),
        (MaxAge::AtMost(_), None) => return problems.at("freshness").refuse(NO_FRESHNESS),
    };
    Some(Check {
        source: source?,
        query,
        freshness,
        over: over?,
        min_requests: min_requests?,
        before: before?,
        threshold: Threshold {
            name: name?,
            bounds: bounds?,
            breach: check.breach.or(common.breach).unwrap_or(Severity::Hold),
            max_age: max_age.limit(),
            answers: answers?,
        },
    })
}

const NO_FRESHNESS: &str = "is missing: the query alone does not show how old its samples are, as \
    Prometheus returns the time of the query as the timestamp; write a query for their Unix time, \
    such as max(timestamp(METRIC{...})), or set `answers.stale` to allow";

fn name(name: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        Ok(name.to_owned())
    } else {
        Err("must be small letters, digits and `-`, at most 63, such as error-ratio".to_owned())
    }
}

fn source(check: &CheckSettings, common: &Settings, problems: &mut Problems<'_>) -> Option<String> {
    let source = check.source.as_ref().or(common.source.as_ref());
    match source.filter(|source| !source.is_empty()) {
        Some(source) => Some(source.clone()),
        None => problems.at("source").refuse(
            "is missing: name a MetricSource here, or for all checks in the settings' own `source`",
        ),
    }
}

/// The queries of a check.
struct Queries {
    query: QueryTemplate,
    freshness: Option<QueryTemplate>,
    /// The query for the number of requests, where the check has one of its own.
    requests: Option<String>,
}

fn queries(check: &CheckSettings, problems: &mut Problems<'_>) -> Option<Queries> {
    let given = [
        check.query.is_some(),
        check.request_rate.is_some(),
        check.error_ratio.is_some(),
        check.latency.is_some(),
        check.utilization.is_some(),
        check.saturation.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return problems.refuse(
            "takes exactly one of `query`, `requestRate`, `errorRatio`, `latency`, `utilization` and \
             `saturation`",
        );
    }
    if let Some(query) = &check.query {
        let query = problems.at("query").keep(subject::template(query));
        let freshness = check
            .freshness
            .as_deref()
            .map(subject::template)
            .transpose();
        let freshness = problems.at("freshness").keep(freshness);
        return Some(Queries {
            query: query?,
            freshness: freshness?,
            requests: None,
        });
    }
    let ready = ready_made(check, problems);
    if check.freshness.is_some() {
        return problems
            .at("freshness")
            .refuse("is only for `query`; this check queries it itself");
    }
    let (field, ready) = ready?;
    let Ready {
        query,
        freshness,
        requests,
    } = ready?;
    let mut matchers = problems.at(field);
    let mut matchers = matchers.at("matchers");
    Some(Queries {
        query: matchers.keep(subject::template(&query))?,
        freshness: Some(matchers.keep(subject::template(&freshness))?),
        requests,
    })
}

/// Returns the field of the ready-made check, and its queries.
fn ready_made(
    check: &CheckSettings,
    problems: &mut Problems<'_>,
) -> Option<(&'static str, Option<Ready>)> {
    if let Some(rate) = &check.request_rate {
        let mut problems = problems.at("requestRate");
        return Some(("requestRate", red::request_rate(rate, &mut problems)));
    }
    if let Some(ratio) = &check.error_ratio {
        let mut problems = problems.at("errorRatio");
        return Some(("errorRatio", red::error_ratio(ratio, &mut problems)));
    }
    if let Some(latency) = &check.latency {
        let mut problems = problems.at("latency");
        return Some(("latency", red::latency(latency, &mut problems)));
    }
    if let Some(used) = &check.utilization {
        let mut problems = problems.at("utilization");
        return Some(("utilization", resources::utilization(used, &mut problems)));
    }
    let waiting = check.saturation.as_ref()?;
    let mut problems = problems.at("saturation");
    Some(("saturation", resources::saturation(waiting, &mut problems)))
}

fn answers(
    own: &AnswerSettings,
    common: &AnswerSettings,
    problems: &mut Problems<'_>,
) -> Option<Answers> {
    let mut pick = |field: &str, own: Option<Answer>, common: Option<Answer>| {
        own.or(common).or_else(|| {
            problems.at(field).refuse(
                "is missing here and in the settings' own `answers`; \
                 say allow, warn, hold, deny or fail",
            )
        })
    };
    let no_data = pick("noData", own.no_data, common.no_data);
    let nan = pick("nan", own.nan, common.nan);
    let stale = pick("stale", own.stale, common.stale);
    let error = pick("error", own.error, common.error);
    Some(Answers {
        no_data: no_data?,
        nan: nan?,
        stale: stale?,
        error: error?,
    })
}

/// The maximum age of the newest sample.
#[derive(Clone, Copy)]
enum MaxAge {
    Any,
    AtMost(SignedDuration),
}

impl MaxAge {
    const fn limit(self) -> SignedDuration {
        match self {
            Self::Any => SignedDuration::MAX,
            Self::AtMost(limit) => limit,
        }
    }
}

fn max_age(
    check: &CheckSettings,
    common: &Settings,
    problems: &mut Problems<'_>,
) -> Option<MaxAge> {
    let Some(text) = check.max_age.as_ref().or(common.max_age.as_ref()) else {
        return problems.at("maxAge").refuse(
            "is missing here and in the settings; write 2m, or set `answers.stale` to allow",
        );
    };
    problems
        .at("maxAge")
        .keep(duration::parse(text))
        .map(MaxAge::AtMost)
}
