//! What the rules see of one container.

use rollgate_sdk::{Container, IntOrString, Probe};

/// The three probes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Readiness,
    Liveness,
    Startup,
}

impl Kind {
    /// The probe's field in a container.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Readiness => "readinessProbe",
            Self::Liveness => "livenessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// One container that runs as long as its Pod.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) container: Container<'a>,
}

impl<'a> View<'a> {
    /// The probes that are set, each with its kind.
    pub(crate) fn probes(self) -> impl Iterator<Item = (Kind, &'a Probe)> {
        let container = self.container.record();
        [
            (Kind::Readiness, container.readiness_probe.as_ref()),
            (Kind::Liveness, container.liveness_probe.as_ref()),
            (Kind::Startup, container.startup_probe.as_ref()),
        ]
        .into_iter()
        .filter_map(|(kind, probe)| Some((kind, probe?)))
    }

    /// The pointer of a probe, or of a field below it.
    pub(crate) fn path(self, kind: Kind, below: &str) -> String {
        [&self.container.path, "/", kind.field(), below].concat()
    }

    /// The number of a probe's port; `None` for a name that no port of this container has. The
    /// kubelet looks no further, and takes a number in quotes for a name, too
    /// (`ResolveContainerPort` in its `pkg/probe`).
    pub(crate) fn port(self, port: &IntOrString) -> Option<i32> {
        match port {
            IntOrString::Int(number) => Some(*number),
            IntOrString::Text(name) => self
                .container
                .port_named(name)
                .map(|port| port.container_port),
        }
    }
}
