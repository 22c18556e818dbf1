//! rollgate decides whether a rollout may go forward.

pub mod config;
pub mod engine;
pub mod sources;
pub mod telemetry;
