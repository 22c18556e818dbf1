//! What rollgate knows of a rollout, free of any engine, server or cluster: the objects with the
//! API server's defaults filled in, the class of a change, what a policy said, and the scenario
//! format.
//!
//! The host and the guest SDK (off Wasm) both stand on this crate, so a policy's native tests and
//! the running webhook see the same objects. Records mirror `wit/types.wit` field by field; the
//! contract's versions are converted to these types and never to each other.

pub mod asking;
mod baseline;
mod change;
mod classify;
pub mod defaults;
pub mod dns;
mod facts;
pub mod fields;
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
pub mod yaml;
pub mod zones;

pub use baseline::Baseline;
pub use change::{Change, UnknownChange};
pub use classify::template_text;
pub use facts::{
    ClusterError, ClusterErrorCode, MetricsError, MetricsErrorCode, Point, Sample, Series,
};
pub use kind::{Kind, UnknownKind};
pub use objects::{ListError, ListProblem, objects};
pub use records::{
    Container, ContainerPort, EnvFrom, EnvVar, Grpc, Handler, HttpGet, IntOrString, Lifecycle, Pod,
    Probe, Resources, SecurityContext, Strategy, TcpSocket, VolumeMount,
};
pub use request::{Asker, Operation, Request, SubResource, UnknownOperation};
pub use revisions::{Flaw, Order, Owner, Revision, Revisions, Undo, Wanted};
pub use rollout::{Read, Referring, Reviewed, Rollout, Unsettled};
pub use shape::ShapeError;
pub use tags::{BadTag, MutableTags, TagPattern};
pub use template_ref::TemplateRef;
pub use verdict::{Breach, BrokenContract, Evidence, Failure, Finding, Outcome, Severity, Verdict};
pub use workload::Workload;
