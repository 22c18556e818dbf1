//! Rules for both kinds of policy.

use rollgate_model::{Change, Kind};
use serde_json::{Value, json};

use super::{Rules, duration, must, namespace, no_empty_list, text};

/// What a policy must be.
pub(in crate::cluster::crd) fn policy() -> Rules {
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
            "spec.module.digest",
            text(
                71,
                "self.matches('^sha256:[0-9a-f]{64}$')",
                "this is no digest: write `sha256:` and 64 hexadecimal digits in lower case, as `rollgate inspect` prints it",
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

fn time(message: &str) -> Value {
    duration("1ns", "30s", message)
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
