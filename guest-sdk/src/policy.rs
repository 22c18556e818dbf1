//! The trait that a policy implements.

use crate::{Failure, Rollout, SettingsError, Verdict};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A policy, which is built once from its settings and then evaluates each rollout.
///
/// What [`new`](Policy::new) builds is kept in a snapshot of the guest's memory, and each rollout
/// is evaluated in a fresh copy of it. So parse, compile and validate in `new`, where it costs
/// nothing per rollout. Nothing that `evaluate` changes is visible to a later call.
///
/// A check that needs only one workload is easier to write as a
/// [`WorkloadCheck`](crate::WorkloadCheck).
pub trait Policy: Sized {
    /// The settings, as the operator writes them in YAML. Their JSON Schema, including doc
    /// comments, is part of what the module returns from `describe`.
    ///
    /// Unknown fields are errors, whether or not the type says `#[serde(deny_unknown_fields)]`. The
    /// exceptions are types that serde buffers before it reads them (flattened fields, untagged and
    /// internally tagged enums): those must say so.
    type Settings: DeserializeOwned + JsonSchema;

    /// Builds the policy. Only [`log`](crate::log) and the conversions of [`clock`](crate::clock)
    /// may be called here. Any other host call fails the load, because its result would become part
    /// of the snapshot.
    ///
    /// # Errors
    /// The mistakes in the settings, each with its JSON pointer, so that the host can show the
    /// operator the line.
    fn new(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// Evaluates one rollout.
    ///
    /// # Errors
    /// A [`Failure`] says that the policy could not reach a verdict; the operator's `onError` then
    /// decides. Never return *allow* because something could not be read.
    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure>;
}
