//! What the API server checks of an object beyond the types of its fields, so that a bad one is
//! refused when it is applied and not found out later.
//!
//! The words are those of `config`, which checks the same again: it reads files too, and objects
//! that came into the cluster before these rules. Lengths are bounded because the API server refuses
//! a rule whose cost it cannot bound.

use rollgate_model::{Change, Kind};
use serde_json::{Value, json};

/// Keywords for the schema of a field, by the path of the field: see [`super::schema`].
pub(super) type Rules = Vec<(&'static str, Value)>;

/// For both kinds of policy.
pub(super) fn policy() -> Rules {
    let mut rules = vec![
        (
            "spec.settings",
            json!({"x-kubernetes-preserve-unknown-fields": true}),
        ),
        (
            "spec.module",
            must(
                "has(self.builtin) != has(self.file)",
                "a policy has one module: say `builtin: NAME` or `file: NAME`, and not both",
            ),
        ),
        (
            "spec.module.builtin",
            json!({"minLength": 1, "maxLength": 63}),
        ),
        (
            "spec.module.file",
            text(
                253,
                "self.matches('^[A-Za-z0-9_][A-Za-z0-9._-]*$')",
                "in the cluster this is the name of a file in the mounted module folder, such as `first_policy.wasm`, and no path",
            ),
        ),
        (
            "spec.timeout",
            time("a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`"),
        ),
        (
            "spec.cpu",
            time("the CPU time is more than 0 and at most `30s`, such as `50ms` or `1s`"),
        ),
        ("spec.memory", memory()),
    ];
    rules.extend(matches());
    rules.extend(grants());
    rules
}

fn matches() -> Rules {
    vec![
        ("spec.match.kinds", no_empty_list(16)),
        (
            "spec.match.kinds[]",
            json!({"enum": Kind::ALL.map(Kind::as_str)}),
        ),
        ("spec.match.changes", no_empty_list(16)),
        (
            "spec.match.changes[]",
            json!({"enum": Change::ALL.map(Change::as_str)}),
        ),
        ("spec.match.namespaces", no_empty_list(256)),
        ("spec.match.namespaces[]", namespace()),
        ("spec.match.excludeNamespaces", json!({"maxItems": 256})),
        ("spec.match.excludeNamespaces[]", namespace()),
        (
            "spec.match.labels.matchLabels",
            json!({"maxProperties": 64}),
        ),
        ("spec.match.labels.matchLabels{}", json!({"maxLength": 63})),
        (
            "spec.match.labels.matchExpressions",
            json!({"maxItems": 64}),
        ),
        (
            "spec.match.labels.matchExpressions[]",
            must(
                "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
                "the operators `In` and `NotIn` need `values`, `Exists` and `DoesNotExist` take none",
            ),
        ),
        (
            "spec.match.labels.matchExpressions[].key",
            json!({"minLength": 1, "maxLength": 317}),
        ),
        (
            "spec.match.labels.matchExpressions[].values",
            json!({"maxItems": 64}),
        ),
        (
            "spec.match.labels.matchExpressions[].values[]",
            json!({"maxLength": 63}),
        ),
    ]
}

fn grants() -> Rules {
    const IN_FULL: &str =
        "it must be written in full, as in `apps/v1` and `ReplicaSet`, without `*`";
    vec![
        ("spec.grants.metrics", json!({"maxItems": 64})),
        (
            "spec.grants.metrics[]",
            json!({"minLength": 1, "maxLength": 253}),
        ),
        ("spec.grants.cluster", json!({"maxItems": 64})),
        (
            "spec.grants.cluster[].apiVersion",
            text(317, "self.matches('^[^*[:space:]]+$')", IN_FULL),
        ),
        (
            "spec.grants.cluster[].kind",
            text(63, "self.matches('^[^*[:space:]]+$')", IN_FULL),
        ),
        (
            "spec.grants.cluster[].kind",
            must(
                "!(self.lowerAscii() in ['secret', 'secrets'])",
                "Secrets are never shown to a policy, so they cannot be granted; remove this grant",
            ),
        ),
        ("spec.grants.cluster[].namespaces", no_empty_list(256)),
        ("spec.grants.cluster[].namespaces[]", namespace()),
    ]
}

/// For a metric source.
pub(super) fn metric_source() -> Rules {
    vec![
        ("spec.namespaces", json!({"maxItems": 256})),
        ("spec.namespaces[]", namespace()),
        (
            "spec.prometheus",
            must(
                "!has(self.bearerToken) || has(self.bearerToken.secret)",
                "rollgate's own files and variables are not for a MetricSource in the cluster: keep the token in a Secret of rollgate's namespace and name it by `bearerToken.secret`",
            ),
        ),
        (
            "spec.prometheus",
            must(
                "!has(self.basicAuth) || has(self.basicAuth.password.secret)",
                "rollgate's own files and variables are not for a MetricSource in the cluster: keep the password in a Secret of rollgate's namespace and name it by `basicAuth.password.secret`",
            ),
        ),
        (
            "spec.prometheus",
            must(
                "!has(self.caFile)",
                "rollgate's own files are not for a MetricSource in the cluster: write the certificates into `ca`",
            ),
        ),
        ("spec.prometheus.ca", json!({"maxLength": 65536})),
        (
            "spec.prometheus",
            must(
                "!(has(self.bearerToken) && has(self.basicAuth))",
                "bearerToken and basicAuth exclude each other: keep one",
            ),
        ),
        (
            "spec.prometheus.url",
            text(
                2048,
                "self.matches('^https?://') && isURL(self)",
                "it must be a URL that begins with http:// or https://; write for example http://prometheus.monitoring:9090",
            ),
        ),
        (
            "spec.prometheus.url",
            must(
                "!self.matches('^[a-z]+://[^/]*@')",
                "it holds a user or password, which everybody could read: use basicAuth",
            ),
        ),
        (
            "spec.prometheus.url",
            must("!self.matches('[?#]')", "it must end before any ? or #"),
        ),
        (
            "spec.prometheus.url",
            must(
                "!self.matches('/api/v1/*$')",
                "leave out /api/v1 at its end; rollgate adds it",
            ),
        ),
        ("spec.prometheus.headers", json!({"maxProperties": 32})),
        (
            "spec.prometheus.headers",
            must(
                "self.all(name, size(name) <= 128 && !(name.lowerAscii() in ['authorization', 'proxy-authorization', 'cookie']))",
                "a credential does not belong here, where everybody could read it: use bearerToken or basicAuth",
            ),
        ),
        ("spec.prometheus.headers{}", json!({"maxLength": 1024})),
        (
            "spec.prometheus.timeout",
            duration("100ms", "30s", "it is from `100ms` to `30s`"),
        ),
        (
            "spec.prometheus.maxBytes",
            json!({"minimum": 1024, "maximum": 16 << 20}),
        ),
        (
            "spec.prometheus.maxSeries",
            json!({"minimum": 1, "maximum": 10_000}),
        ),
        (
            "spec.prometheus.cacheFor",
            duration("1s", "5m", "it is from `1s` to `5m`"),
        ),
    ]
}

/// For an override.
pub(super) fn rollout_override() -> Rules {
    vec![
        (
            "spec",
            must(
                "self == oldSelf",
                "an override is kept as a record and cannot be changed: create another one, and delete this one if it must not be used",
            ),
        ),
        (
            "spec.workload.name",
            json!({"minLength": 1, "maxLength": 253}),
        ),
        ("spec.policies", json!({"minItems": 1, "maxItems": 32})),
        (
            "spec.policies[]",
            text(
                317,
                "self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
                "name each policy in full, as its denial does: `office-hours`, or `shop/probes` for a RolloutPolicy; patterns are not known",
            ),
        ),
        (
            "spec.reason",
            text(
                1024,
                "size(self.trim()) >= 3",
                "say why: this is kept as a record",
            ),
        ),
        ("spec.images", json!({"maxItems": 64})),
        ("spec.images[]", json!({"minLength": 1, "maxLength": 1024})),
        (
            "spec.template",
            text(
                32,
                "self.matches('^[0-9a-f]{32}$')",
                "it is the hash of 32 hexadecimal digits that a denial names",
            ),
        ),
        ("spec.users", json!({"maxItems": 32})),
        ("spec.users[]", json!({"minLength": 1, "maxLength": 1024})),
        ("status.uses", json!({"maxItems": 1024})),
    ]
}

fn must(holds: &str, message: &str) -> Value {
    json!({"x-kubernetes-validations": [{"rule": holds, "message": message}]})
}

fn text(longest: u32, holds: &str, message: &str) -> Value {
    let mut rule = must(holds, message);
    rule["maxLength"] = longest.into();
    rule
}

fn no_empty_list(longest: u32) -> Value {
    let mut rule = must(
        "size(self) > 0",
        "an empty list would match nothing; leave it out to match everything",
    );
    rule["maxItems"] = longest.into();
    rule
}

/// RFC 1123 label.
fn namespace() -> Value {
    text(
        63,
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "this is no namespace; name each one in full, patterns are not known",
    )
}

fn time(message: &str) -> Value {
    duration("1ns", "30s", message)
}

/// What both rollgate and the API server read as the same duration.
fn duration(least: &str, most: &str, message: &str) -> Value {
    let shape = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$|^[0-9]+[.][0-9]+(ms|s|m|h)$";
    let holds = format!(
        "self != '' && self.matches('{shape}') && duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
    );
    text(32, &holds, message)
}

/// From 1Mi to 256Mi.
fn memory() -> Value {
    let holds = "type(self) == int ? self >= 1048576 && self <= 268435456 : self.matches('^[0-9]{1,10}(Ki|Mi|Gi|k|M|G)?$') && quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('256Mi')) <= 0";
    let mut rule = must(holds, "memory is from `1Mi` to `256Mi`, such as `32Mi`");
    rule["x-kubernetes-int-or-string"] = true.into();
    rule["anyOf"] = json!([{"type": "integer"}, {"type": "string"}]);
    rule["maxLength"] = 32.into();
    rule
}
