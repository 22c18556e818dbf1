//! Parses responses of Prometheus: the envelope and the four result types of
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::fmt;

use jiff::Timestamp;
use rollgate_model::{Point, Sample, Series};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::failure::{QueryError, server_text};

/// How many warnings of a response are logged.
const MAX_WARNINGS: usize = 3;

/// The result of a query, within the limit of series.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Samples(Vec<Sample>),
    Series(Vec<Series>),
}

impl Answer {
    /// Parses a body; `None` if it is no response of this API.
    pub(super) fn parse(body: &[u8]) -> Option<Envelope> {
        let outline: Outline = serde_json::from_slice(body).ok()?;
        match outline.data.map(|data| data.result_type) {
            None => Envelope::read(body, |IgnoredAny| Data::String),
            Some(ResultType::Vector) => Envelope::read(body, Data::Vector),
            Some(ResultType::Matrix) => Envelope::read(body, Data::Matrix),
            Some(ResultType::Scalar) => Envelope::read(body, Data::Scalar),
            Some(ResultType::String) => Envelope::read(body, |IgnoredAny| Data::String),
        }
    }

    /// Returns the result of an instant query.
    pub(super) fn into_samples(self) -> Result<Vec<Sample>, QueryError> {
        match self {
            Self::Samples(samples) => Ok(samples),
            Self::Series(_) => Err(QueryError::Query(
                "it gives a range of values for each series where one value is needed: \
                 put a function around it, such as rate() or max_over_time()"
                    .to_owned(),
            )),
        }
    }

    /// Returns the result of a range query.
    pub(super) fn into_series(self) -> Result<Vec<Series>, QueryError> {
        match self {
            Self::Series(series) => Ok(series),
            Self::Samples(_) => Err(QueryError::NotPrometheus { content_type: None }),
        }
    }
}

/// The type of a result. It is read first: a result whose type follows it would have to be kept as a tree.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResultType {
    Vector,
    Matrix,
    Scalar,
    String,
}

#[derive(Deserialize)]
struct Outline {
    data: Option<DataOutline>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataOutline {
    result_type: ResultType,
}

/// A response with a result of a known type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<T = Data> {
    status: Status,
    data: Option<T>,
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// VictoriaMetrics sets it if the data of unavailable servers is missing.
    #[serde(default)]
    is_partial: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

#[derive(Debug, Deserialize)]
struct ResultOf<T> {
    result: T,
}

#[derive(Debug)]
pub(super) enum Data {
    Vector(Vec<VectorItem>),
    Matrix(Vec<MatrixItem>),
    Scalar(Value),
    String,
}

#[derive(Debug, Deserialize)]
pub(super) struct VectorItem {
    metric: Labels,
    value: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MatrixItem {
    metric: Labels,
    values: Option<Vec<Value>>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

/// The labels of a series, sorted by name.
#[derive(Debug)]
struct Labels(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut labels: Vec<(String, String)> = Vec::new();
        while let Some(label) = map.next_entry()? {
            labels.push(label);
        }
        labels.sort_by(|(one, _), (other, _)| one.cmp(other));
        // Of two with the same name, the last counts.
        labels.reverse();
        labels.dedup_by(|(one, _), (other, _)| one == other);
        labels.reverse();
        labels.shrink_to_fit();
        Ok(Labels(labels))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Value(Seconds, Number);

impl Envelope {
    /// Parses a body with a result of this type.
    fn read<T: DeserializeOwned>(body: &[u8], data: impl FnOnce(T) -> Data) -> Option<Self> {
        let parsed: Envelope<ResultOf<T>> = serde_json::from_slice(body).ok()?;
        Some(Self {
            status: parsed.status,
            data: parsed.data.map(|parsed| data(parsed.result)),
            error_type: parsed.error_type,
            error: parsed.error,
            warnings: parsed.warnings,
            is_partial: parsed.is_partial,
        })
    }

    /// Returns whether it is a response of the API: gateways format errors alike, but without an error type.
    pub(super) fn is_of_api(&self, http_status: u16) -> bool {
        match self.status {
            _ if (200..300).contains(&http_status) => true,
            Status::Success => false,
            Status::Error => self.error_type.is_some(),
        }
    }

    /// Returns the result and the server's warnings.
    pub(super) fn into_result(
        self,
        max_series: usize,
    ) -> Result<(Answer, Vec<String>), QueryError> {
        let data = match (self.status, self.data) {
            (Status::Success, Some(data)) => data,
            (Status::Success, None) => {
                return Err(QueryError::NotPrometheus { content_type: None });
            }
            (Status::Error, _) => {
                let error_type = self.error_type.as_deref().unwrap_or("unknown");
                return Err(QueryError::from_api(
                    error_type,
                    self.error.as_deref().unwrap_or(""),
                ));
            }
        };
        if self.is_partial {
            return Err(QueryError::Partial);
        }
        let warnings = self.warnings.unwrap_or_default();
        let warnings = warnings
            .iter()
            .take(MAX_WARNINGS)
            .map(|text| server_text(text))
            .collect();
        Ok((data.into_answer(max_series)?, warnings))
    }
}

impl Data {
    fn into_answer(self, max_series: usize) -> Result<Answer, QueryError> {
        match self {
            Self::Vector(items) => Ok(Answer::Samples(each(items, max_series, sample)?)),
            Self::Matrix(items) => Ok(Answer::Series(each(items, max_series, series)?)),
            Self::Scalar(Value(at, value)) => Ok(Answer::Samples(vec![Sample {
                labels: Vec::new(),
                value: value.0,
                at: at.0,
            }])),
            Self::String => Err(QueryError::Query(
                "it gives a text, not a number".to_owned(),
            )),
        }
    }
}

fn each<T, U>(
    items: Vec<T>,
    most: usize,
    convert: fn(T) -> Result<U, QueryError>,
) -> Result<Vec<U>, QueryError> {
    if items.len() > most {
        return Err(QueryError::TooManySeries(most));
    }
    items.into_iter().map(convert).collect()
}

fn sample(item: VectorItem) -> Result<Sample, QueryError> {
    let Value(at, value) = item.value.ok_or_else(histogram)?;
    Ok(Sample {
        labels: item.metric.0,
        value: value.0,
        at: at.0,
    })
}

fn series(item: MatrixItem) -> Result<Series, QueryError> {
    // A series may have both. Without the histograms, the result would be incomplete.
    if item.histograms.is_some() {
        return Err(histogram());
    }
    let points = item.values.unwrap_or_default().into_iter();
    Ok(Series {
        labels: item.metric.0,
        points: points
            .map(|Value(at, value)| Point {
                value: value.0,
                at: at.0,
            })
            .collect(),
    })
}

fn histogram() -> QueryError {
    QueryError::Query(
        "it gives native histograms, not numbers: \
         put histogram_quantile() or histogram_count() around it"
            .to_owned(),
    )
}

/// Seconds since 1970, written as a JSON number with up to three decimals.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
struct Seconds(Timestamp);

impl TryFrom<f64> for Seconds {
    type Error = jiff::Error;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        // Beyond the range, `as` gives the nearest i64, which jiff then refuses.
        Timestamp::from_millisecond((seconds * 1000.0).round() as i64).map(Self)
    }
}

/// A number that is written as a JSON string, so that it can be `NaN`, `+Inf` or `-Inf`.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
