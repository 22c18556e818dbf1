//! Every rule: its name, and what it asks for unless the settings say otherwise.

use rollgate_sdk::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a rule does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rollout is refused.
    Deny,
    /// The rollout goes forward, with a warning.
    Warn,
    /// The rollout goes forward; the finding is recorded.
    Info,
    /// The rule is not applied. (Not called `off`, which YAML reads as `false`.)
    Ignore,
}

impl Level {
    /// The severity of a finding at this level; `None` when the rule is not applied.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::Deny => Some(Severity::Deny),
            Self::Warn => Some(Severity::Warn),
            Self::Info => Some(Severity::Info),
            Self::Ignore => None,
        }
    }
}

/// Writes the table of rules as an enum for the code and a struct for the settings.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident $field:ident $id:literal $level:ident;)+) => {
        /// A rule, by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        pub enum Rule {
            $($(#[doc = $doc])+ #[serde(rename = $id)] $rule,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            /// The name that findings and settings use.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$rule => $id,)+ }
            }
        }

        /// What each rule does with what it finds.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Levels {
            $($(#[doc = $doc])+ #[serde(rename = $id)] pub $field: Level,)+
        }

        impl Levels {
            /// What this rule does with what it finds.
            #[must_use]
            pub fn of(&self, rule: Rule) -> Level {
                match rule { $(Rule::$rule => self.$field,)+ }
            }
        }

        impl Default for Levels {
            fn default() -> Self {
                Self { $($field: Level::$level,)+ }
            }
        }
    };
}

rules! {
    /// A container without a readinessProbe and without a startupProbe.
    ReadinessMissing readiness_missing "readiness-missing" Deny;
    /// A container without a readinessProbe whose startupProbe alone says when it is ready.
    ReadinessOnlyAtStart readiness_only_at_start "readiness-only-at-start" Warn;
    /// A container without a livenessProbe.
    LivenessMissing liveness_missing "liveness-missing" Warn;
    /// Liveness that makes the same check as readiness and may kill before readiness withdraws.
    LivenessRepeatsReadiness liveness_repeats_readiness "liveness-repeats-readiness" Warn;
    /// A liveness or startup probe that asks something outside its Pod.
    LivenessLeavesPod liveness_leaves_pod "liveness-leaves-pod" Deny;
    /// A readiness probe that asks something outside its Pod.
    ReadinessLeavesPod readiness_leaves_pod "readiness-leaves-pod" Warn;
    /// A probe of a port name that its container does not declare.
    PortNameUnknown port_name_unknown "port-name-unknown" Deny;
    /// A probe of a port number that its container neither declares nor mentions.
    PortUndeclared port_undeclared "port-undeclared" Warn;
    /// A probe whose timeoutSeconds is not below its periodSeconds.
    TimeoutNotBelowPeriod timeout_not_below_period "timeout-not-below-period" Warn;
    /// A probe that starts a command too often for what the command costs.
    ExecTooOften exec_too_often "exec-too-often" Warn;
    /// A long initialDelaySeconds where a startupProbe belongs.
    InitialDelayLong initial_delay_long "initial-delay-long" Warn;
    /// Liveness that may kill the container before it can be ready.
    LivenessKillsBeforeReady liveness_kills_before_ready "liveness-kills-before-ready" Warn;
    /// A start that cannot end before progressDeadlineSeconds.
    ProgressDeadlineUnreachable progress_deadline_unreachable "progress-deadline-unreachable" Deny;
    /// A startupProbe that allows longer than progressDeadlineSeconds.
    ProgressDeadlineShort progress_deadline_short "progress-deadline-short" Warn;
}
