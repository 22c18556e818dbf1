//! Validation rules beyond the types of fields, so that the API server refuses an invalid object when it is
//! applied.
//!
//! The messages are those of `config`, which validates the same again, because it reads files, too, and
//! objects from before these rules. Lengths are limited because the API server refuses rules of unlimited
//! cost.

mod metric_source;
mod policy;
mod rollout_override;

pub(super) use metric_source::metric_source;
pub(super) use policy::policy;
pub(super) use rollout_override::rollout_override;

use serde_json::{Value, json};

/// Keywords for the schema of a field, by the path of the field: see [`super::schema`].
pub(super) type Rules = Vec<(&'static str, Value)>;

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

/// A duration that rollgate and the API server parse alike.
fn duration(least: &str, most: &str, message: &str) -> Value {
    let shape = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$|^[0-9]+[.][0-9]+(ms|s|m|h)$";
    let holds = format!(
        "self != '' && self.matches('{shape}') && duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
    );
    text(32, &holds, message)
}
