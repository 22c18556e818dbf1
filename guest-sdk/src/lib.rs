#![doc = include_str!("../README.md")]

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
mod check;
pub mod clock;
pub mod cluster;
pub mod command;
mod container;
pub mod duration;
mod export;
pub mod fields;
pub mod image;
pub mod log;
pub mod metrics;
pub mod neighbours;
pub mod pace;
pub mod pod_names;
mod pointer;
mod policy;
mod problems;
pub mod quantity;
mod rollout;
pub mod rules;
pub mod scale;
mod settings;
pub mod status;
pub mod subject;
mod sys;
pub mod template;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod threshold;
pub mod time;
mod verdict;
mod words;
mod workload;

pub use check::{Existing, WorkloadCheck};
pub use container::Container;
pub use pointer::pointer;
pub use policy::Policy;
pub use problems::Problems;
pub use rollgate_contract::{Evidence, Failure, Finding, Outcome, Severity};
pub use rollout::Rollout;
pub use settings::{NoSettings, SettingsError};
pub use sys::records::{
    ContainerPort, EnvFrom, EnvVar, Grpc, Handler, HttpGet, IntOrString, Lifecycle, Pod, Probe,
    Resources, SecurityContext, Strategy, TcpSocket, VolumeMount,
};
pub use verdict::{Combined, Findings, Verdict};
pub use words::{Change, Kind, Role};
pub use workload::Workload;

/// Records of the contract that have the same name as a richer type of the SDK.
pub mod records {
    pub use crate::sys::records::Container;
}

/// The libraries whose types are part of the SDK's interface.
pub use {jiff, schemars, serde, serde_json};

#[doc(hidden)]
pub use export::private as __private;
