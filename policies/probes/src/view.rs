//! The data that the rules read from one container.

use rollgate_sdk::{Container, IntOrString, Probe};

/// The three probes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Readiness,
    Liveness,
    Startup,
}

impl Kind {
    /// Returns the probe's field in a container.
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
    /// Returns the probes that are set, each with its kind.
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

    /// Returns the pointer of a probe, or of a field of it.
    pub(crate) fn path(self, kind: Kind, below: &str) -> String {
        [&self.container.path, "/", kind.field(), below].concat()
    }

    /// Resolves a probe's port as the kubelet does (`ResolveContainerPort` in its `pkg/probe`): a
    /// name among the ports of the probed container only. Text that is a number is a name at first,
    /// too.
    pub(crate) fn port<'p>(self, port: &'p IntOrString) -> Port<'p> {
        match port {
            IntOrString::Int(number) => Port::Number(*number),
            IntOrString::Text(name) => match self.container.port_named(name) {
                Some(declared) => Port::Number(declared.container_port),
                None => Port::Unknown(name),
            },
        }
    }
}

/// The port of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port<'a> {
    Number(i32),
    /// A name that the container does not declare.
    Unknown(&'a str),
}
