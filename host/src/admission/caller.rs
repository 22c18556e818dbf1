//! Who sent a review, and what may be written because of it.

use rollgate_model::Rollout;

/// Who sent a review, as far as the server can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The API server: nobody else has what this caller showed.
    Known,
    /// Anyone who reaches the port. A review of theirs may be made up.
    Unknown,
}

impl Caller {
    /// `known` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
        }
    }
}

/// What may be written because of a review.
#[derive(Clone, Copy, Debug)]
pub enum Writing {
    /// Uses of overrides, and Events.
    Allowed(WriteAccess),
    /// Nothing, since the request is a dry run.
    DryRun,
    /// Nothing, since the review may be made up.
    UnknownCaller,
}

/// The right to write to the cluster because of a review. [`Writing::of`] alone gives it, and only
/// for a known caller whose request is no dry run, so whatever writes asks for it by type.
#[derive(Clone, Copy, Debug)]
pub struct WriteAccess(());

impl Writing {
    /// Returns what may be written because of a rollout that a caller sent.
    #[must_use]
    pub fn of(caller: Caller, rollout: &Rollout) -> Self {
        match caller {
            Caller::Unknown => Self::UnknownCaller,
            Caller::Known if rollout.dry_run() => Self::DryRun,
            Caller::Known => Self::Allowed(WriteAccess(())),
        }
    }
}
