//! How long one Pod takes to start and to stop, from its probes and hooks.

use crate::{Handler, Probe, Role, Workload};

/// The seconds that one Pod takes to start. Pulling images and scheduling come on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartTime {
    /// No Pod is ready earlier, however fast it is.
    pub at_least: i64,
    /// What the startup probes allow; `None` where a container has none, so that nothing ends its
    /// start.
    pub at_most: Option<i64>,
    /// `minReadySeconds`: a ready Pod counts as available after it.
    pub then_available: i64,
}

impl StartTime {
    /// Returns the time that a Pod of the workload takes. Main containers start at once; a sidecar
    /// delays what comes after it until it has started (`pkg/kubelet/kuberuntime`). Init containers
    /// are not counted: nothing says how long they run.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        let (mut sidecars, mut main) = ((0, Some(0)), (0, Some(0)));
        for container in workload.long_running() {
            let startup = container.startup_probe.as_ref();
            let allowed = startup.map(latest);
            match container.role() {
                // The next container waits for the sidecar's startup probe alone.
                Role::Sidecar => {
                    sidecars.0 += startup.map_or(0, earliest);
                    sidecars.1 = sidecars.1.map(|sum| sum + allowed.unwrap_or(0));
                }
                _ => {
                    let ready = container.readiness_probe.as_ref();
                    let first = startup.map_or(0, earliest).max(ready.map_or(0, earliest));
                    main.0 = main.0.max(first);
                    main.1 = main.1.zip(allowed).map(|(a, b): (i64, i64)| a.max(b));
                }
            }
        }
        Self {
            at_least: sidecars.0 + main.0,
            at_most: sidecars.1.zip(main.1).map(|(a, b)| a + b),
            then_available: i64::from(workload.min_ready_seconds().max(0)),
        }
    }
}

/// The first time that a probe can have succeeded, after the start of its container
/// (`pkg/kubelet/prober/worker.go`).
fn earliest(probe: &Probe) -> i64 {
    let (period, times) = (probe.period_seconds.max(1), probe.success_threshold.max(1));
    i64::from(probe.initial_delay_seconds.max(0)) + i64::from(period) * i64::from(times - 1)
}

/// The last time at which a startup probe lets its container live without a success.
fn latest(probe: &Probe) -> i64 {
    let (period, times) = (probe.period_seconds.max(1), probe.failure_threshold.max(1));
    i64::from(probe.initial_delay_seconds.max(0)) + i64::from(period) * i64::from(times)
}

/// The seconds that one Pod takes to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopTime {
    /// `terminationGracePeriodSeconds`: after it, what still runs is killed. The preStop hook counts
    /// as part of it.
    pub grace: i64,
    /// The longest `sleep` of a preStop hook, during which the process does not know yet that it is
    /// to stop. Commands of hooks are not counted.
    pub sleep: i64,
}

impl StopTime {
    /// Returns the time that a Pod of the workload takes; `None` for a Service. The hooks of its
    /// containers run at once.
    #[must_use]
    pub fn of(workload: &Workload) -> Option<Self> {
        let hooks = workload.long_running();
        let sleeps = hooks.filter_map(|container| match container.lifecycle.pre_stop {
            Some(Handler::Sleep(seconds)) => Some(seconds),
            _ => None,
        });
        Some(Self {
            grace: workload.pod()?.termination_grace_period_seconds,
            sleep: sleeps.max().unwrap_or(0),
        })
    }

    /// Returns what is left for the process after the `sleep`; negative where it is killed before it
    /// hears of the stop.
    #[must_use]
    pub const fn left_for_the_process(self) -> i64 {
        self.grace - self.sleep
    }
}
