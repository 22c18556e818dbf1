//! The data model of rollgate, without engine, server or cluster: workloads with the API server's
//! defaults, the classification of changes, verdicts, the scenario format, and YAML with positions.
//!
//! The host and the guest SDK (off Wasm) share this crate, so that a policy's native tests see the
//! same objects as the running webhook. Records mirror `wit/types.wit` field by field. Each version of
//! the contract is converted to these types, and never to another version.

mod baseline;
mod change;
mod classify;
pub mod defaults;
pub mod dns;
mod facts;
pub mod fields;
pub mod host_calls;
pub mod json;
mod kind;
mod objects;
mod records;
mod request;
mod revisions;
mod rollout;
pub mod scenario;
pub mod selector;
mod shape;
mod tags;
mod template_ref;
mod verdict;
mod workload;
pub mod zones;

pub use rollgate_strict::pointer;

pub use baseline::Baseline;
pub use change::{Change, UnknownChange};
pub use classify::{Classification, NeedsHistory, NeedsTemplate, template_text};
pub use facts::{
    ClusterError, ClusterErrorCode, MetricsError, MetricsErrorCode, Point, Sample, Series,
};
pub use kind::{Kind, UnknownKind};
pub use objects::{ListError, ListProblem, objects};
pub use records::{
    Container, ContainerPort, EnvFrom, EnvVar, Grpc, Handler, HttpGet, IntOrString, Lifecycle, Pod,
    Probe, Resources, SecurityContext, Strategy, TcpSocket, VolumeMount,
};
pub use request::{Operation, Request, Requester, SubResource, UnknownOperation};
pub use revisions::{Flaw, Order, Owner, Revision, RevisionQuery, Revisions, Undo};
pub use rollgate_contract::{Evidence, Failure, Finding, Outcome, Severity};
pub use rollout::{ClassifiedRequest, Rollout};
pub use shape::ShapeError;
pub use tags::{BadTag, MutableTags, TagPattern};
pub use template_ref::{TemplateChange, TemplateRef};
pub use verdict::{ContractViolations, Verdict, Violation};
pub use workload::Workload;
