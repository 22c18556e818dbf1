//! What processes use, as the kernel counts it.

use std::fs;
use std::time::Duration;

use crate::server::Serve;

/// User and system time of a process, from `/proc/PID/stat` in ticks of 10 ms.
///
/// # Panics
/// Where the process is gone.
#[must_use]
pub fn cpu_time(server: &Serve) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).expect("it runs");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory of a process that no file backs, in KiB.
///
/// # Panics
/// Where the process is gone.
#[must_use]
pub fn resident(server: &Serve) -> u64 {
    let status = Status::of(server);
    status.field("RssAnon:") + status.field("RssShmem:")
}

/// The most memory that a process ever had, without what files back now, in KiB.
///
/// # Panics
/// Where the process is gone.
#[must_use]
pub fn peak(server: &Serve) -> u64 {
    let status = Status::of(server);
    status.field("VmHWM:") - status.field("RssFile:")
}

/// What the kernel says of a process.
struct Status(String);

impl Status {
    fn of(server: &Serve) -> Self {
        Self(fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs"))
    }

    /// A field in KiB.
    fn field(&self, name: &str) -> u64 {
        let mut lines = self.0.lines();
        let line = lines.find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        let value = value.expect("the kernel says so");
        value.parse().expect("a number")
    }
}

/// The middle one; of two the greater.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
