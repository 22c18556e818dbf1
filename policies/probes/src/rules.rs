//! The rules, with their names and default levels.

use rollgate_sdk::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when a rule finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rollout is denied.
    Deny,
    /// The rollout is allowed, with a warning.
    Warn,
    /// The rollout is allowed; the finding is recorded.
    Info,
    /// The rule is not applied. (Not named `off`, which YAML reads as `false`.)
    Ignore,
}

impl Level {
    /// Returns the severity of a finding at this level; `None` when the rule is not applied.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::Deny => Some(Severity::Deny),
            Self::Warn => Some(Severity::Warn),
            Self::Info => Some(Severity::Info),
            Self::Ignore => None,
        }
    }
}

/// Defines the rules as an enum for the code and as a struct for the settings.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident $field:ident $id:literal $level:ident;)+) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        pub enum Rule {
            $($(#[doc = $doc])+ #[serde(rename = $id)] $rule,)+
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            /// Returns the name of the rule in findings and settings.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$rule => $id,)+ }
            }
        }

        /// The level of each rule.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Levels {
            $($(#[doc = $doc])+ #[serde(rename = $id)] pub $field: Level,)+
        }

        impl Levels {
            /// Returns the level of this rule.
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
    /// A container without a readinessProbe whose startupProbe alone decides when it is ready.
    ReadinessOnlyAtStart readiness_only_at_start "readiness-only-at-start" Warn;
    /// A container without a livenessProbe.
    LivenessMissing liveness_missing "liveness-missing" Warn;
    /// Liveness that makes the same check as readiness and may kill before readiness withdraws.
    LivenessRepeatsReadiness liveness_repeats_readiness "liveness-repeats-readiness" Warn;
    /// A liveness or startup probe that contacts something outside its Pod.
    LivenessLeavesPod liveness_leaves_pod "liveness-leaves-pod" Deny;
    /// A readiness probe that contacts something outside its Pod.
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
