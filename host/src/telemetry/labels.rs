use std::fmt::{self, Write as _};
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// One policy's word on one rollout, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// Namespace and name of the policy.
    pub policy: &'a Arc<str>,
    /// What it said.
    pub said: Said,
    /// The class of the change, in the contract's word.
    pub change: &'static str,
    /// The kind of the object.
    pub kind: &'static str,
}

/// What a policy said, without its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// It may go.
    Allow,
    /// Not now.
    Hold,
    /// No.
    Deny,
    /// It could not be evaluated.
    Error,
}

/// What became of a review as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewOutcome {
    /// It may go.
    Allowed,
    /// Not now.
    Held,
    /// No.
    Denied,
    /// It is no rollout, or no policy matches: allowed without one being asked.
    Unmatched,
    /// The review could not be read.
    Invalid,
}

/// What became of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventOutcome {
    /// The API server has it, as an Event of its own or as another time of one.
    Written,
    /// There were too many at once.
    Dropped,
    /// The API server did not take it.
    Failed,
}

/// What can be reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reloaded {
    /// The folder of policies.
    Policies,
    /// Certificate, key and client CA.
    Certificate,
    /// What the API server asks, kept by the holder of the Lease.
    Registration,
    /// Who may write revisions, kept by the holder of the Lease.
    RevisionGuard,
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReloadOutcome {
    /// The new one is in force.
    Ok,
    /// The old one stays.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DecisionLabels {
    policy: Arc<str>,
    verdict: Said,
    change: &'static str,
    kind: &'static str,
}

impl From<&Decided<'_>> for DecisionLabels {
    fn from(decided: &Decided<'_>) -> Self {
        Self {
            policy: Arc::clone(decided.policy),
            verdict: decided.said,
            change: decided.change,
            kind: decided.kind,
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
    pub(super) subject: Reloaded,
    pub(super) outcome: ReloadOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SubjectLabels {
    pub(super) subject: Reloaded,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WatchLabels {
    pub(super) kind: &'static str,
}

/// The derived encoding would keep the variant's capital letter.
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
    Said { Allow => "allow", Hold => "hold", Deny => "deny", Error => "error" }
    ReviewOutcome {
        Allowed => "allowed", Held => "held", Denied => "denied", Unmatched => "unmatched", Invalid => "invalid",
    }
    EventOutcome { Written => "written", Dropped => "dropped", Failed => "failed" }
    Reloaded { Policies => "policies", Certificate => "certificate", Registration => "registration", RevisionGuard => "revision-guard" }
    ReloadOutcome { Ok => "ok", Failed => "failed" }
}
