//! Validates the spec of a Prometheus server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rollgate_model::pointer;

use super::secret::{Local, Remote, SecretRef, SecretSource};
use super::spec::Spec;
use super::trust::Trust;
use crate::sources::{Secrets, SourceError};

/// A valid spec.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    pub(super) credential: Option<Credential>,
    pub(super) trust: Trust,
    pub(super) limits: Limits,
}

#[derive(Debug)]
pub(super) enum Credential {
    Bearer(SecretSource),
    Basic {
        username: String,
        password: SecretSource,
    },
}

/// Where a metric source is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescribedIn {
    /// In a file. It may name other files and environment variables.
    File,
    /// In the cluster. It must not name files and environment variables of rollgate.
    Cluster,
}

/// The limits of one query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) bytes: usize,
    pub(super) series: usize,
    pub(super) cache_for: Duration,
}

impl Spec {
    /// Validates everything that needs no request.
    pub(super) fn validate(
        &self,
        described: DescribedIn,
        secrets: &Arc<dyn Secrets>,
    ) -> Result<Settings, SourceError> {
        let base = base_url(&self.url)?;
        let settings = Settings {
            trust: self.trust(&base, described)?,
            base,
            headers: headers(&self.headers)?,
            credential: self.credential(described, secrets)?,
            limits: self.limits()?,
        };
        self.check_transport(&settings.base)?;
        Ok(settings)
    }

    fn credential(
        &self,
        described: DescribedIn,
        secrets: &Arc<dyn Secrets>,
    ) -> Result<Option<Credential>, SourceError> {
        let source = |field, secret: &SecretRef| secret_source(field, secret, described, secrets);
        Ok(match (&self.bearer_token, &self.basic_auth) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                let message = "bearerToken and basicAuth exclude each other: keep one";
                return Err(wrong("basicAuth", message));
            }
            (Some(token), None) => Some(Credential::Bearer(source("bearerToken", token)?)),
            (None, Some(basic)) => Some(Credential::Basic {
                username: basic.username.clone(),
                password: source("basicAuth/password", &basic.password)?,
            }),
        })
    }

    /// Refuses to send a credential without TLS, unless the operator says so.
    fn check_transport(&self, base: &Url) -> Result<(), SourceError> {
        let field = match (&self.bearer_token, &self.basic_auth) {
            _ if self.insecure || base.scheme() != "http" => return Ok(()),
            (Some(_), _) => "bearerToken",
            (None, Some(_)) => "basicAuth",
            (None, None) => return Ok(()),
        };
        let message = "the url begins with http://, so everybody on the way could read the \
                       credential: use https://, or write `insecure: true` if that is all right";
        Err(wrong(field, message))
    }

    fn trust(&self, base: &Url, described: DescribedIn) -> Result<Trust, SourceError> {
        match (&self.ca_file, &self.ca) {
            (Some(_), Some(_)) => Err(wrong("ca", "ca and caFile exclude each other: keep one")),
            (Some(_), None) if described == DescribedIn::Cluster => Err(wrong(
                "caFile",
                "a MetricSource in the cluster names no files of rollgate: write the certificates into `ca`",
            )),
            (Some(path), None) => trust_file(path),
            (None, Some(pem)) => Trust::of_pem(pem.as_bytes())
                .ok_or_else(|| wrong("ca", "it holds no certificate in PEM format")),
            // Without TLS, an image without CA certificates works, too.
            (None, None) if base.scheme() == "https" => Ok(Trust::System),
            (None, None) => Ok(Trust::NoTls),
        }
    }

    fn limits(&self) -> Result<Limits, SourceError> {
        const MIB: u64 = 1 << 20;
        let bytes = within("maxBytes", self.max_bytes, 1024, 16 * MIB)?;
        let series = within("maxSeries", u64::from(self.max_series), 1, 10_000)?;
        Ok(Limits {
            timeout: duration("timeout", self.timeout, 100, 30_000)?,
            cache_for: duration("cacheFor", self.cache_for, 1_000, 300_000)?,
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            series: usize::try_from(series).unwrap_or(usize::MAX),
        })
    }
}

fn base_url(text: &str) -> Result<Url, SourceError> {
    let url = Url::parse(text)
        .map_err(|error| wrong("url", format!("it is not a URL ({error}); {EXAMPLE}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(
            "url",
            format!("it must begin with http:// or https://; {EXAMPLE}"),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let message = "it holds a user or password: use basicAuth, which reads the password \
                       from a Secret, a file or an environment variable";
        return Err(wrong("url", message));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "url",
            format!("it must end before any ? or #; {EXAMPLE}"),
        ));
    }
    if url.path().trim_end_matches('/').ends_with("/api/v1") {
        return Err(wrong(
            "url",
            "leave out /api/v1 at its end; rollgate adds it",
        ));
    }
    Ok(url)
}

const EXAMPLE: &str = "write for example http://prometheus.monitoring:9090";

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, SourceError> {
    given
        .iter()
        .map(|(name, value)| header(name, value))
        .collect()
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), SourceError> {
    let field = || {
        let mut field = "headers".to_owned();
        pointer::push(&mut field, name);
        field
    };
    let parsed: HeaderName = name.parse().map_err(|_| {
        wrong(
            field(),
            format!("{name:?} is not the name of an HTTP header"),
        )
    })?;
    match parsed.as_str() {
        "authorization" | "proxy-authorization" | "cookie" => {
            let message = format!(
                "{name} is a credential: use bearerToken or basicAuth, which read it from a \
                 Secret, a file or an environment variable"
            );
            return Err(wrong(field(), message));
        }
        "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
        | "expect" | "upgrade" | "te" | "trailer" | "accept-encoding" => {
            return Err(wrong(field(), format!("{name} is set by rollgate itself")));
        }
        _ => {}
    }
    let value = HeaderValue::from_str(value).map_err(|_| {
        wrong(
            field(),
            format!("the value of {name} must be one line of ASCII"),
        )
    })?;
    Ok((parsed, value))
}

/// Returns where a secret is. A file or variable is read once, to find mistakes early.
fn secret_source(
    field: &'static str,
    secret: &SecretRef,
    described: DescribedIn,
    secrets: &Arc<dyn Secrets>,
) -> Result<SecretSource, SourceError> {
    let local = match secret {
        SecretRef::Secret(at) => {
            return Ok(SecretSource::Cluster(Remote::new(
                at.clone(),
                Arc::clone(secrets),
            )));
        }
        _ if described == DescribedIn::Cluster => {
            let message = "a MetricSource in the cluster names no files and variables of rollgate: keep the credential in a Secret of rollgate's namespace and write `secret: {name: NAME, key: KEY}`";
            return Err(wrong(field, message));
        }
        SecretRef::Env(name) => Local::Env(name.clone()),
        SecretRef::File(path) => Local::File(path.clone()),
    };
    match local.read() {
        Ok(_) => Ok(SecretSource::Local(local)),
        Err(error) => Err(wrong(field, error.to_string())),
    }
}

fn trust_file(path: &Path) -> Result<Trust, SourceError> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        wrong(
            "caFile",
            format!("{shown} cannot be read: {}", error.kind()),
        )
    })?;
    Trust::of_pem(&pem).ok_or_else(|| {
        wrong(
            "caFile",
            format!("{shown} holds no certificate in PEM format"),
        )
    })
}

fn within(field: &str, value: u64, least: u64, most: u64) -> Result<u64, SourceError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(wrong(
        field,
        format!("it is {value} and must be from {least} to {most}"),
    ))
}

fn duration(
    field: &str,
    value: SignedDuration,
    least: i64,
    most: i64,
) -> Result<Duration, SourceError> {
    let [least, most] = [least, most].map(SignedDuration::from_millis);
    if (least..=most).contains(&value) {
        return Ok(value.unsigned_abs());
    }
    Err(wrong(
        field,
        format!("it is {value:#} and must be from {least:#} to {most:#}"),
    ))
}

fn wrong(field: impl AsRef<str>, message: impl Into<String>) -> SourceError {
    SourceError {
        pointer: format!("/spec/prometheus/{}", field.as_ref()),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
