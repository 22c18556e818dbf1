//! Running a policy natively, in `cargo test`.

pub(crate) mod host;
