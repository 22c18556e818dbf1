//! A policy that makes the host calls in its settings, and returns the answers as evidence.

use std::time::Duration;

use rollgate_sdk::serde_json::Value;
use rollgate_sdk::{
    Evidence, Failure, Policy, Rollout, SettingsError, Verdict, clock, cluster, metrics,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The host calls, and when to make them.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The calls in `evaluate`, in this order.
    #[serde(default)]
    asks: Vec<Ask>,
    /// The call in `configure`.
    #[serde(default)]
    while_built: Option<Ask>,
    /// The number of repetitions; only the last answers are returned.
    #[serde(default = "once")]
    times: u32,
}

/// A host call.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Ask {
    Now,
    /// A query to the source `prod`.
    Metric(String),
    /// A query at an instant, in seconds since 1970.
    MetricAt(String, i64),
    /// A range query: start and end in seconds since 1970, step in milliseconds.
    Range(i64, i64, u64),
    /// Kind and name, in the namespace `shop`.
    Object(String, String),
    /// Kind and label selector, in all namespaces.
    List(String, String),
    /// The images of the new object's containers.
    Images,
    Panic,
}

const fn once() -> u32 {
    1
}

/// The policy.
pub struct Asking(Settings);

rollgate_sdk::export!(Asking);

impl Policy for Asking {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        if let Some(ask) = &settings.while_built {
            let _ = ask.told(None);
        }
        Ok(Self(settings))
    }

    fn evaluate(&self, rollout: &Rollout) -> Result<Verdict, Failure> {
        let mut told = Vec::new();
        for _ in 0..self.0.times {
            told = self
                .0
                .asks
                .iter()
                .map(|ask| ask.told(Some(rollout)))
                .collect();
        }
        let evidence = told.into_iter().enumerate();
        Ok(Verdict::allow().with_all_evidence(
            evidence.map(|(index, told)| Evidence::new(index.to_string(), told)),
        ))
    }
}

impl Ask {
    fn told(&self, rollout: Option<&Rollout>) -> String {
        match self {
            Self::Now => clock::now().to_string(),
            Self::Metric(query) => shown(&metrics::query("prod", query)),
            Self::MetricAt(query, second) => {
                shown(&metrics::query_at("prod", query, instant(*second)))
            }
            Self::Range(start, end, step) => {
                let (start, end) = (instant(*start), instant(*end));
                let step = Duration::from_millis(*step);
                shown(&metrics::query_range("prod", "up", start, end, step))
            }
            Self::Object(kind, name) => {
                let object = cluster::get::<Value>("v1", kind, "shop", name);
                shown(&object.as_ref().map(name_of))
            }
            Self::List(kind, labels) => {
                let objects = cluster::list::<Value>("v1", kind, "", labels);
                shown(&objects.map(|all| all.iter().map(name_of).collect::<Vec<_>>()))
            }
            Self::Images => {
                let workload = rollout.and_then(Rollout::new);
                let containers = workload.iter().flat_map(|workload| workload.containers());
                format!(
                    "{:?}",
                    containers.map(|it| it.image.clone()).collect::<Vec<_>>()
                )
            }
            Self::Panic => panic!("on purpose"),
        }
    }
}

fn instant(second: i64) -> rollgate_sdk::jiff::Timestamp {
    rollgate_sdk::jiff::Timestamp::from_second(second).expect("a second of our time")
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].to_string()
}

fn shown<T: std::fmt::Debug, E: std::fmt::Debug>(told: &Result<T, E>) -> String {
    format!("{told:?}")
}
