//! The harness: what more than one end-to-end test or benchmark stands on.

pub mod judging;
pub mod prometheus;
