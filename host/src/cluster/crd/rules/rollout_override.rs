//! Rules for overrides.

use serde_json::json;

use super::{Rules, must, text};

/// What an override must be.
pub(in crate::cluster::crd) fn rollout_override() -> Rules {
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
