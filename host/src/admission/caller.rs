//! Who sent a review, and what rollgate may write to the cluster because of it.

use rollgate_model::Rollout;

/// Who sent a review, as far as the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The API server: it has a client certificate or knows the secret path.
    Known,
    /// Anybody who can reach the port. The review may be forged.
    Unknown,
}

impl Caller {
    /// Returns `known` or `unknown`.
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
    /// Nothing: the request is a dry run.
    DryRun,
    /// Nothing: the review may be forged.
    UnknownCaller,
}

/// The permission to write to the cluster because of a review. Whatever writes takes one as an
/// argument, and only [`Writing::of`] creates it: for a known caller whose request is no dry run.
#[derive(Clone, Copy, Debug)]
pub struct WriteAccess(());

impl Writing {
    /// Returns what may be written because of a rollout that this caller sent.
    #[must_use]
    pub fn of(caller: Caller, rollout: &Rollout) -> Self {
        match caller {
            Caller::Unknown => Self::UnknownCaller,
            Caller::Known if rollout.dry_run() => Self::DryRun,
            Caller::Known => Self::Allowed(WriteAccess(())),
        }
    }
}
