//! What an operator writes of a Prometheus server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretRef;

/// A server with Prometheus' HTTP API, such as Prometheus, Thanos, Mimir or VictoriaMetrics.
///
/// Redirects are not followed, and proxies named in the environment are not used.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The address, up to and without `/api/v1`: `http://prometheus.monitoring:9090`, or with a
    /// path such as `https://mimir.example/prometheus`. It holds no user or password.
    pub url: String,
    /// Headers for each request, such as `X-Scope-OrgID`. Credentials do not belong here.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A token that is sent as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<SecretRef>,
    /// A user and password that are sent as `Authorization: Basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// Whether the credential may be sent over `http://`, where everybody on the way can read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// A PEM file with the certificates of the authorities to trust, in place of the system's; not
    /// for a `MetricSource` in the cluster, which has `ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The certificates of the authorities to trust, in place of the system's, as PEM text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// How long one query may take, from `100ms` to `30s`. It should be less than the timeout of
    /// the policies that ask, so that they learn of it in time. Prometheus is told as well, so
    /// that it gives up too.
    #[serde(default = "default_timeout")]
    #[schemars(with = "String")]
    pub timeout: SignedDuration,
    /// The most bytes that one answer may have, up to 16 MiB.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
    /// The most series that one answer may have, up to 10,000.
    #[serde(default = "default_max_series")]
    pub max_series: u32,
    /// How old an answer may be to serve again for the same query, from `1s` to `5m`.
    #[serde(default = "default_cache_for")]
    #[schemars(with = "String")]
    pub cache_for: SignedDuration,
}

/// A user and where the password is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

fn default_timeout() -> SignedDuration {
    SignedDuration::from_millis(1500)
}

fn default_max_bytes() -> u64 {
    1 << 20
}

fn default_max_series() -> u32 {
    100
}

fn default_cache_for() -> SignedDuration {
    SignedDuration::from_secs(5)
}
