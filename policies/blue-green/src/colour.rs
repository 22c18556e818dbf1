//! A colour: the Pods that a selector selects, and the workloads that they belong to.

use rollgate_sdk::Failure;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::status::{self, Pod, WorkloadStatus};

/// The Pods behind a Service.
pub(crate) struct Colour {
    /// The live Pods.
    pub(crate) pods: Vec<Pod>,
    /// The workloads that they belong to.
    pub(crate) workloads: Vec<WorkloadStatus>,
    /// The names of Pods that belong to no workload that exists.
    pub(crate) strays: Vec<String>,
}

/// More would be more host calls than an evaluation may make.
const MOST_WORKLOADS: usize = 20;

impl Colour {
    /// Reads the Pods of a selector, and their workloads.
    ///
    /// # Errors
    /// Something could not be read, or the Pods belong to too many workloads.
    pub(crate) fn read(namespace: &str, selector: &str) -> Result<Self, Failure> {
        let pods = status::live_pods(namespace, selector)?;
        let mut owners: Vec<_> = pods.iter().filter_map(Pod::workload).collect();
        owners.sort_unstable();
        owners.dedup();
        if owners.len() > MOST_WORKLOADS {
            return Err(Failure::unsupported(format!(
                "the Service selects Pods of {} workloads, and at most {MOST_WORKLOADS} can be read",
                owners.len()
            )));
        }
        let mut workloads = Vec::new();
        for (kind, name) in owners {
            workloads.extend(status::workload(kind, namespace, name)?);
        }
        let is_stray = |pod: &&Pod| !workloads.iter().any(|workload| owns(workload, pod));
        let strays = pods.iter().filter(is_stray);
        let strays = strays.map(|pod| pod.name().to_owned()).collect();
        Ok(Self {
            pods,
            workloads,
            strays,
        })
    }

    /// Returns the number of Pods that are ready.
    pub(crate) fn ready(&self) -> i64 {
        let ready = self.pods.iter().filter(|pod| pod.ready_since().is_some());
        i64::try_from(ready.count()).unwrap_or(i64::MAX)
    }

    /// Returns since when the last Pod is available; `None` where one is not ready.
    pub(crate) fn available_since(&self) -> Option<Timestamp> {
        let since = |workload: &WorkloadStatus| {
            let of_workload = self.pods.iter().filter(|pod| owns(workload, pod));
            workload.last_available(&of_workload.cloned().collect::<Vec<_>>())
        };
        let all: Option<Vec<_>> = self.workloads.iter().map(since).collect();
        all?.into_iter().max()
    }
}

fn owns(workload: &WorkloadStatus, pod: &Pod) -> bool {
    pod.workload() == Some((workload.kind(), workload.name()))
}
