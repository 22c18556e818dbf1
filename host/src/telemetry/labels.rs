use std::fmt::{self, Write as _};
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// The result of one policy for one rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyDecision<'a> {
    /// Namespace and name of the policy.
    pub policy: &'a Arc<str>,
    /// The verdict, or that there is none.
    pub verdict: VerdictLabel,
    /// The class of the change, as in the contract.
    pub change: &'static str,
    /// The kind of the object.
    pub kind: &'static str,
}

/// The verdict of a policy, without its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VerdictLabel {
    /// It allows the rollout.
    Allow,
    /// It holds the rollout.
    Hold,
    /// It denies the rollout.
    Deny,
    /// It gave no verdict.
    Error,
}

/// The outcome of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReviewOutcome {
    /// The rollout is allowed.
    Allowed,
    /// The rollout is held.
    Held,
    /// The rollout is denied.
    Denied,
    /// It is no rollout, or no policy matches: allowed without an evaluation.
    Unmatched,
    /// The review could not be read.
    Invalid,
}

/// The outcome of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventOutcome {
    /// It was written, as a new Event or as another occurrence of one.
    Written,
    /// It was dropped, because there were too many at once.
    Dropped,
    /// The API server refused it.
    Failed,
}

/// What is reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReloadSubject {
    /// The policies.
    Policies,
    /// Certificate, key and client CA.
    Certificate,
    /// The webhook configuration, written by the holder of the Lease.
    Registration,
    /// The binding of the policy that guards revisions, written by the holder of the Lease.
    RevisionGuard,
}

/// The outcome of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReloadOutcome {
    /// The new version is active.
    Ok,
    /// The old version stays active.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DecisionLabels {
    policy: Arc<str>,
    verdict: VerdictLabel,
    change: &'static str,
    kind: &'static str,
}

impl From<&PolicyDecision<'_>> for DecisionLabels {
    fn from(decision: &PolicyDecision<'_>) -> Self {
        Self {
            policy: Arc::clone(decision.policy),
            verdict: decision.verdict,
            change: decision.change,
            kind: decision.kind,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PolicyLabels {
    pub(super) policy: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ErrorLabels {
    pub(super) policy: Arc<str>,
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReviewLabels {
    pub(super) outcome: ReviewOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OverrideLabels {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EventLabels {
    pub(super) outcome: EventOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReloadLabels {
    pub(super) subject: ReloadSubject,
    pub(super) outcome: ReloadOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SubjectLabels {
    pub(super) subject: ReloadSubject,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WatchLabels {
    pub(super) kind: &'static str,
}

/// Implements lower-case labels; the derived encoding keeps the capital letter of a variant.
macro_rules! label_values {
    ($($name:ident { $($variant:ident => $text:literal),+ $(,)? })+) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(match self { $(Self::$variant => $text),+ })
            }
        }
    )+};
}

label_values! {
    VerdictLabel { Allow => "allow", Hold => "hold", Deny => "deny", Error => "error" }
    ReviewOutcome {
        Allowed => "allowed", Held => "held", Denied => "denied", Unmatched => "unmatched", Invalid => "invalid",
    }
    EventOutcome { Written => "written", Dropped => "dropped", Failed => "failed" }
    ReloadSubject { Policies => "policies", Certificate => "certificate", Registration => "registration", RevisionGuard => "revision-guard" }
    ReloadOutcome { Ok => "ok", Failed => "failed" }
}
