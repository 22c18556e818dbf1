//! A policy that loops in `describe`.

use std::borrow::Cow;
use std::hint::black_box;

use rollgate_sdk::{Failure, Policy, Rollout, SettingsError, Verdict};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

/// Settings whose schema is never finished.
#[derive(Deserialize)]
pub struct Settings {}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut turns = 0_u64;
        loop {
            turns = black_box(turns.wrapping_add(1));
        }
    }
}

/// The policy.
pub struct LoopsInDescribe;

rollgate_sdk::export!(LoopsInDescribe);

impl Policy for LoopsInDescribe {
    type Settings = Settings;

    fn new(_: Settings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
        Ok(Verdict::allow())
    }
}
