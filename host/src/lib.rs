//! rollgate decides whether a rollout may go forward.

pub mod admission;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod engine;
pub mod reload;
pub mod server;
pub mod sources;
pub mod telemetry;
mod watch;
