//! rollgate decides whether a rollout may go forward.

pub mod admission;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod reload;
mod server;
pub mod sources;
mod telemetry;
mod watch;
