//! The harness of the end-to-end tests and benchmarks.

pub mod balancer;
pub mod cart;
pub mod certificate;
pub mod control_plane;
pub mod corpus;
pub mod evaluation;
pub mod files;
pub mod greedy;
pub mod guarded;
pub mod installation;
pub mod keeper;
pub mod load;
pub mod measured;
pub mod misdeeds;
pub mod prometheus;
pub mod report;
pub mod scenarios;
pub mod server;
pub mod traffic;
pub mod trial;
