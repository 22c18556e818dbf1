//! Policies as WebAssembly: load, snapshot, evaluate. The only user of wasmtime.
//!
//! The engine answers what a policy said, or how it failed; never "allowed".

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a policy may ask of metrics and the cluster. Nothing is granted by default; clock and log
/// need no grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Names of metric sources.
    pub metrics: BTreeSet<String>,
    /// Kinds of the cluster's objects.
    pub cluster: Vec<ClusterGrant>,
}

/// Allows reading the objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterGrant {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `ReplicaSet`; never `Secret`.
    pub kind: String,
    /// Where; `None` means every namespace and cluster-scoped objects.
    pub namespaces: Option<BTreeSet<String>>,
}

/// What one evaluation may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, in bytes.
    pub memory: usize,
    /// CPU of the guest, counted in epoch ticks of 10 ms.
    pub cpu: Duration,
    /// Wall-clock time of one evaluation, host calls included; the request's deadline may be nearer.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            cpu: Duration::from_millis(100),
            timeout: Duration::from_secs(2),
        }
    }
}

/// One thing that a policy refused in its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// RFC 6901 pointer into the settings; empty means the settings as a whole.
    pub path: String,
    /// In the policy's own words.
    pub message: String,
}

/// The bytes of a module: a core module or a component.
#[derive(Clone, Debug)]
pub struct ModuleBytes(pub Arc<[u8]>);
