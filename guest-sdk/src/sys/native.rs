//! The host interface off Wasm: the model crate for the contract's objects, and the fake host for
//! its imports.

use crate::clock::{Instant, Local, ZoneError};
use crate::cluster::ClusterError;
use crate::log::Level;
use crate::metrics::{MetricsError, Sample, Series};
use crate::testing::host;
use jiff::Timestamp;
use jiff::civil::DateTime;
use rollgate_model as model;
use rollgate_model::zones;
use std::sync::Arc;

/// The records of the contract.
pub(crate) mod records {
    pub use rollgate_model::{
        Container, ContainerPort, EnvFrom, EnvVar, Grpc, Handler, HttpGet, IntOrString, Lifecycle,
        Pod, Probe, Resources, SecurityContext, Strategy, TcpSocket, VolumeMount,
    };
}

/// The `rollout` resource of the contract, with owned values.
pub(crate) struct RawRollout(pub(crate) model::Rollout);

impl RawRollout {
    pub(crate) fn change(&self) -> String {
        self.0.change().as_str().to_owned()
    }

    pub(crate) fn change_note(&self) -> Option<String> {
        self.0.change_note().map(str::to_owned)
    }

    pub(crate) fn operation(&self) -> String {
        self.0.operation().as_str().to_owned()
    }

    pub(crate) fn user(&self) -> String {
        self.0.user().to_owned()
    }

    pub(crate) fn groups(&self) -> Vec<String> {
        self.0.groups().to_vec()
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.0.dry_run()
    }

    #[expect(
        clippy::new_ret_no_self,
        clippy::wrong_self_convention,
        reason = "the contract's word"
    )]
    pub(crate) fn new(&self) -> Option<RawWorkload> {
        self.0
            .new()
            .map(|workload| RawWorkload(Arc::clone(workload)))
    }

    pub(crate) fn old(&self) -> Option<RawWorkload> {
        self.0
            .old()
            .map(|workload| RawWorkload(Arc::clone(workload)))
    }

    pub(crate) fn baseline(&self) -> Option<RawWorkload> {
        self.0
            .baseline()
            .map(|workload| RawWorkload(Arc::clone(workload)))
    }
}

/// The `workload` resource of the contract, with owned values.
pub(crate) struct RawWorkload(pub(crate) Arc<model::Workload>);

impl RawWorkload {
    pub(crate) fn kind(&self) -> String {
        self.0.kind().as_str().to_owned()
    }

    pub(crate) fn api_version(&self) -> String {
        self.0.api_version().to_owned()
    }

    pub(crate) fn name(&self) -> String {
        self.0.name().to_owned()
    }

    pub(crate) fn namespace(&self) -> String {
        self.0.namespace().to_owned()
    }

    pub(crate) fn labels(&self) -> Vec<(String, String)> {
        self.0.labels().to_vec()
    }

    pub(crate) fn annotations(&self) -> Vec<(String, String)> {
        self.0.annotations().to_vec()
    }

    pub(crate) fn pod_labels(&self) -> Vec<(String, String)> {
        self.with_template().pod_labels().to_vec()
    }

    pub(crate) fn pod_annotations(&self) -> Vec<(String, String)> {
        self.with_template().pod_annotations().to_vec()
    }

    pub(crate) fn selector(&self) -> Vec<(String, String)> {
        self.0.selector().to_vec()
    }

    pub(crate) fn replicas(&self) -> Option<i32> {
        self.0.replicas()
    }

    pub(crate) fn strategy(&self) -> Option<records::Strategy> {
        self.0.strategy().cloned()
    }

    pub(crate) fn min_ready_seconds(&self) -> i32 {
        self.0.min_ready_seconds()
    }

    pub(crate) fn progress_deadline_seconds(&self) -> Option<i32> {
        self.0.progress_deadline_seconds()
    }

    pub(crate) fn paused(&self) -> bool {
        self.0.paused()
    }

    pub(crate) fn pod(&self) -> Option<records::Pod> {
        self.with_template().pod().cloned()
    }

    pub(crate) fn containers(&self) -> Vec<records::Container> {
        self.with_template().containers().to_vec()
    }

    pub(crate) fn env(&self, container: u32) -> Vec<records::EnvVar> {
        self.with_template().env(container)
    }

    pub(crate) fn env_from(&self, container: u32) -> Vec<records::EnvFrom> {
        self.with_template().env_from(container)
    }

    pub(crate) fn volume_mounts(&self, container: u32) -> Vec<records::VolumeMount> {
        self.with_template().volume_mounts(container)
    }

    pub(crate) fn volume_devices(&self, container: u32) -> Vec<(String, String)> {
        self.with_template().volume_devices(container)
    }

    pub(crate) fn security_context(&self, container: u32) -> Option<records::SecurityContext> {
        self.with_template().security_context(container)
    }

    pub(crate) fn json(&self, pointer: &str) -> Option<String> {
        known(self.0.no_template_at(pointer));
        self.0.json(pointer).map(ToString::to_string)
    }

    /// Returns the workload if its Pod template is known.
    fn with_template(&self) -> &model::Workload {
        known(self.0.no_template());
        &self.0
    }
}

/// Stops a policy that asks for a Pod template that is not known.
fn known(no_template: Option<String>) {
    if let Some(why) = no_template {
        host::no_template(why)
    }
}

pub(crate) fn log(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

pub(crate) fn now() -> Timestamp {
    host::with(host::Host::now)
}

pub(crate) fn to_civil(at: Timestamp, zone: &str) -> Result<Local, ZoneError> {
    let local = zones::to_civil(at, zone).map_err(zone_error)?;
    let civil = local.civil;
    let part = |n: u8| i8::try_from(n).unwrap_or(i8::MAX);
    let (hour, minute, second) = (part(civil.hour), part(civil.minute), part(civil.second));
    Ok(Local {
        civil: DateTime::new(
            civil.year,
            part(civil.month),
            part(civil.day),
            hour,
            minute,
            second,
            0,
        )
        .expect("the model gives valid dates"),
        offset_seconds: local.offset_seconds,
        abbreviation: local.abbreviation,
        dst: local.dst,
    })
}

pub(crate) fn from_civil(civil: DateTime, zone: &str) -> Result<Instant, ZoneError> {
    let part = i8::unsigned_abs;
    let civil = zones::Civil {
        year: civil.year(),
        month: part(civil.month()),
        day: part(civil.day()),
        hour: part(civil.hour()),
        minute: part(civil.minute()),
        second: part(civil.second()),
    };
    Ok(match zones::from_civil(civil, zone).map_err(zone_error)? {
        zones::Instant::Once(at) => Instant::Once(at),
        zones::Instant::Skipped(at) => Instant::Skipped(at),
        zones::Instant::Twice(earlier, later) => Instant::Twice(earlier, later),
    })
}

fn zone_error(error: zones::ZoneError) -> ZoneError {
    ZoneError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}

pub(crate) fn query(
    source: &str,
    query: &str,
    at: Option<Timestamp>,
) -> Result<Vec<Sample>, MetricsError> {
    host::with(|host| host.query(source, query, at))
}

pub(crate) fn query_range(
    source: &str,
    query: &str,
    start: Timestamp,
    end: Timestamp,
    step: u64,
) -> Result<Vec<Series>, MetricsError> {
    host::with(|host| host.query_range(source, query, start, end, step))
}

pub(crate) fn get(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<String, ClusterError> {
    host::with(|host| host.get(api_version, kind, namespace, name))
}

pub(crate) fn list(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<String>, ClusterError> {
    host::with(|host| host.list(api_version, kind, namespace, label_selector))
}

/// A scenario is never stale.
pub(crate) fn get_fresh(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<String, ClusterError> {
    get(api_version, kind, namespace, name)
}

pub(crate) fn list_fresh(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<String>, ClusterError> {
    list(api_version, kind, namespace, label_selector)
}
