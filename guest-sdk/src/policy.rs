//! The trait that a policy implements.

use crate::{Failure, Rollout, SettingsError, Verdict};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A policy: built from its settings once, then asked about each rollout.
///
/// What [`new`](Policy::new) builds is kept in a snapshot of the guest's memory, and each rollout
/// is judged by a fresh copy of it. So parse, compile and check in `new`, where it costs nothing
/// per rollout; nothing that `evaluate` changes is seen by a later call.
///
/// A check that needs no more than one workload is easier to write as a
/// [`WorkloadCheck`](crate::WorkloadCheck).
pub trait Policy: Sized {
    /// The settings as the operator writes them in YAML. Their JSON Schema, doc comments included,
    /// is what `describe` hands to the host.
    ///
    /// Fields that the type does not know are refused, whether or not it says
    /// `#[serde(deny_unknown_fields)]`. Only inside what serde buffers before it reads it
    /// (flattened fields, enums that are untagged or internally tagged) they are out of the SDK's
    /// sight: say it there.
    type Settings: DeserializeOwned + JsonSchema;

    /// Builds the policy. Only [`log`](crate::log) and the conversion of time zones in
    /// [`clock`](crate::clock) may be called here: any other host call fails the load, because its
    /// answer would be frozen into the snapshot.
    ///
    /// # Errors
    /// What is wrong with the settings, with the JSON pointer of each culprit, so that the host
    /// can show the operator the line.
    fn new(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// Judges one rollout.
    ///
    /// # Errors
    /// A [`Failure`] says that the policy could not be evaluated; the host then does what the operator
    /// wrote under `onError`. Never answer *allow* because something could not be read.
    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure>;
}
