//! The numbers of a rollout, computed as Kubernetes' controllers compute them: how many replicas
//! there are at least, how many Pods stay, and how many evictions a budget allows.

use crate::neighbours::{Autoscaler, AutoscalerKind, Budget, Neighbours, Seen};
use crate::{Failure, IntOrString, Kind, Strategy, Workload};

/// How a share of the replicas is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// To the next lower number.
    Down,
    /// To the next higher number.
    Up,
}

/// Returns a number, or a percentage of `total` (`GetScaledValueFromIntOrPercent` of
/// `k8s.io/apimachinery/pkg/util/intstr`). `None` for any other text, which the API server refuses.
#[must_use]
pub fn scaled(value: &IntOrString, total: i32, round: Round) -> Option<i32> {
    let text = match value {
        IntOrString::Int(number) => return Some(*number),
        IntOrString::Text(text) => text,
    };
    let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
    let hundredths = percent.checked_mul(i64::from(total))?;
    let rounded = match round {
        Round::Down => hundredths.div_euclid(100),
        Round::Up => hundredths.checked_add(99)?.div_euclid(100),
    };
    i32::try_from(rounded).ok()
}

/// The fewest replicas that a workload has while nobody changes it by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// The number. 0 where it is scaled to zero.
    pub fewest: i32,
    /// What sets it.
    pub set_by: SetBy,
}

/// What sets the number of replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// `spec.replicas`, or its default of 1.
    Manifest,
    /// `spec.replicas` is what is known, and an autoscaler may set it: none could be seen.
    Unseen,
    /// The minimum of an autoscaler.
    Autoscaler {
        /// Its kind.
        kind: AutoscalerKind,
        /// Its name.
        name: String,
    },
}

impl Replicas {
    /// Returns the fewest replicas of a workload: the minimum of its autoscaler, else
    /// `spec.replicas`, which is 1 by default. `None` for kinds without replicas.
    ///
    /// An autoscaler leaves a workload alone whose `spec.replicas` is 0
    /// (`pkg/controller/podautoscaler/horizontal.go`).
    ///
    /// # Errors
    /// Autoscalers could not be read.
    pub fn of(workload: &Workload, neighbours: &Neighbours) -> Result<Option<Self>, Failure> {
        let Some(written) = workload.replicas() else {
            return Ok(None);
        };
        if written == 0 {
            return Ok(Some(Self::written(written, SetBy::Manifest)));
        }
        Ok(Some(match neighbours.autoscaler(workload)? {
            Seen::Yes(Some(scaler)) => Self::by(scaler),
            Seen::Yes(None) => Self::written(written, SetBy::Manifest),
            Seen::No => Self::written(written, SetBy::Unseen),
        }))
    }

    fn by(scaler: &Autoscaler) -> Self {
        Self {
            fewest: scaler.min_replicas,
            set_by: SetBy::Autoscaler {
                kind: scaler.kind,
                name: scaler.name.clone(),
            },
        }
    }

    const fn written(fewest: i32, set_by: SetBy) -> Self {
        Self { fewest, set_by }
    }
}

/// How a rollout replaces Pods, at a number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// How many Pods may be added before old ones are stopped.
    pub surge: i32,
    /// How many Pods may be missing.
    pub unavailable: i32,
    /// How many Pods stay available throughout.
    pub stay: i32,
}

impl Replacement {
    /// Returns how a rollout of the workload replaces Pods if it has this many replicas (of a
    /// DaemonSet: nodes). `None` where people or another controller decide: `OnDelete`, a Service,
    /// and a strategy that this SDK does not know.
    #[must_use]
    pub fn of(workload: &Workload, replicas: i32) -> Option<Self> {
        Self::by_strategy(&workload.kind(), &workload.strategy()?, replicas)
    }

    /// As [`of`](Self::of), for a kind and a strategy.
    #[must_use]
    pub fn by_strategy(kind: &Kind, strategy: &Strategy, replicas: i32) -> Option<Self> {
        let share = |value: &Option<IntOrString>, default: IntOrString, round| {
            scaled(value.as_ref().unwrap_or(&default), replicas, round)
        };
        let quarter = || IntOrString::Text("25%".to_owned());
        let (surge, unavailable) = (&strategy.max_surge, &strategy.max_unavailable);
        let (surge, unavailable) = match (kind, strategy.kind.as_str()) {
            // A Deployment stops every old Pod before it starts a new one.
            (_, "Recreate") => (0, replicas),
            // `ResolveFenceposts` of pkg/controller/deployment/util, which Argo Rollouts has too.
            (Kind::Deployment, "RollingUpdate") | (Kind::Rollout, "Canary") => one_at_least(
                share(surge, quarter(), Round::Up)?,
                share(unavailable, quarter(), Round::Down)?,
            ),
            // All of the new colour gets ready before the traffic moves.
            (Kind::Rollout, "BlueGreen") => (replicas, 0),
            // `updatedDesiredNodeCounts` of pkg/controller/daemon: both are rounded up.
            (Kind::DaemonSet, "RollingUpdate") => one_at_least(
                share(surge, IntOrString::Int(0), Round::Up)?,
                share(unavailable, IntOrString::Int(1), Round::Up)?,
            ),
            // `getStatefulSetMaxUnavailable` of pkg/controller/statefulset; there is no surge.
            (Kind::StatefulSet, "RollingUpdate") => {
                let most = share(unavailable, IntOrString::Int(1), Round::Down)?;
                (0, most.max(1))
            }
            _ => return None,
        };
        let unavailable = unavailable.clamp(0, replicas.max(0));
        Some(Self {
            surge,
            unavailable,
            stay: replicas.max(0) - unavailable,
        })
    }
}

/// Where both numbers are 0 the rollout could not move, and the controllers stop one Pod.
const fn one_at_least(surge: i32, unavailable: i32) -> (i32, i32) {
    match (surge, unavailable) {
        (0, 0) => (0, 1),
        numbers => numbers,
    }
}

impl Budget {
    /// Returns how many of this many healthy Pods may be evicted at once (`getExpectedPodCount` and
    /// `updatePdbStatus` of pkg/controller/disruption): percentages are rounded up, so `minAvailable:
    /// 51%` of two Pods is two. `None` for a text that the API server refuses.
    ///
    /// The number is right where the budget selects the Pods of this one workload.
    #[must_use]
    pub fn allowed_disruptions(&self, replicas: i32) -> Option<i32> {
        let wanted = match (&self.max_unavailable, &self.min_available) {
            (Some(most), _) => {
                let most = scaled(most, replicas, Round::Up)?;
                replicas.saturating_sub(most).max(0)
            }
            (None, Some(fewest)) => scaled(fewest, replicas, Round::Up)?,
            // Without either, the controller expects no Pods, and allows no eviction.
            (None, None) => return Some(0),
        };
        Some(replicas.saturating_sub(wanted).max(0))
    }
}
