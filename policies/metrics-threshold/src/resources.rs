//! The ready-made checks of resources: utilization and saturation (USE). Their third, errors, is
//! `errorRatio`.

use rollgate_sdk::Problems;

use crate::red::{Ready, series, window};
use crate::settings::{Of, Resource, Saturation, Utilization, Waiting};

/// Series of the containers themselves: not those of the Pod as a whole, and not the pause container.
const CONTAINERS: &str = r#"container!="",container!="POD""#;

/// Used CPU or memory in proportion to requests or limits.
pub(crate) fn utilization(settings: &Utilization, problems: &mut Problems<'_>) -> Option<Ready> {
    let matchers = settings.matchers.as_deref();
    let window = window(settings.window.as_deref(), problems)?;
    let (metric, resource) = match settings.resource {
        Resource::Cpu => ("container_cpu_usage_seconds_total", "cpu"),
        Resource::Memory => ("container_memory_working_set_bytes", "memory"),
    };
    let used = series(metric, matchers, problems)?.with(CONTAINERS);
    let of = match settings.of {
        Of::Requests => "kube_pod_container_resource_requests",
        Of::Limits => "kube_pod_container_resource_limits",
    };
    let of = series(of, matchers, problems)?.with(&format!("resource=\"{resource}\""));
    let sum = match settings.resource {
        Resource::Cpu => format!("sum(rate({used}[{window}]))"),
        Resource::Memory => format!("sum({used})"),
    };
    Some(Ready {
        query: format!("{sum} / sum({of})"),
        freshness: format!("max(timestamp({used}))"),
        requests: None,
    })
}

/// The proportion of the time in which something waits.
pub(crate) fn saturation(settings: &Saturation, problems: &mut Problems<'_>) -> Option<Ready> {
    let matchers = settings.matchers.as_deref();
    let window = window(settings.window.as_deref(), problems)?;
    let mut of = |metric: &str| Some(series(metric, matchers, problems)?.with(CONTAINERS));
    let (query, used) = match settings.of {
        Waiting::CpuThrottling => {
            let throttled = of("container_cpu_cfs_throttled_periods_total")?;
            let all = of("container_cpu_cfs_periods_total")?;
            let query = format!("sum(rate({throttled}[{window}])) / sum(rate({all}[{window}]))");
            (query, all)
        }
        pressure => {
            let waiting = of(match pressure {
                Waiting::MemoryPressure => "container_pressure_memory_waiting_seconds_total",
                Waiting::IoPressure => "container_pressure_io_waiting_seconds_total",
                _ => "container_pressure_cpu_waiting_seconds_total",
            })?;
            (format!("max(rate({waiting}[{window}]))"), waiting)
        }
    };
    Some(Ready {
        query,
        freshness: format!("max(timestamp({used}))"),
        requests: None,
    })
}
