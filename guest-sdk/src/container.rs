//! A container of a workload.

use crate::pointer::join;
use crate::sys::records;
use crate::{
    ContainerPort, EnvFrom, EnvVar, IntOrString, Role, SecurityContext, VolumeMount, Workload,
};
use std::ops::Deref;

/// A container of the Pod template. The fields of its [record](crate::records::Container) are
/// available by dereferencing; methods return what needs another host call.
#[derive(Clone, Copy)]
pub struct Container<'a> {
    record: &'a records::Container,
    workload: &'a Workload,
}

impl Deref for Container<'_> {
    type Target = records::Container;

    fn deref(&self) -> &Self::Target {
        self.record
    }
}

impl<'a> Container<'a> {
    pub(crate) const fn new(record: &'a records::Container, workload: &'a Workload) -> Self {
        Self { record, workload }
    }

    /// Returns the record itself, which lives as long as the workload.
    #[must_use]
    pub const fn record(&self) -> &'a records::Container {
        self.record
    }

    /// Returns the workload that the container belongs to.
    #[must_use]
    pub const fn workload(&self) -> &'a Workload {
        self.workload
    }

    /// Returns the role of the container in its Pod.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::from(&*self.record.role)
    }

    /// Returns `env`.
    #[must_use]
    pub fn env(&self) -> Vec<EnvVar> {
        self.workload.raw.env(self.record.index)
    }

    /// Returns `envFrom`.
    #[must_use]
    pub fn env_from(&self) -> Vec<EnvFrom> {
        self.workload.raw.env_from(self.record.index)
    }

    /// Returns `volumeMounts`.
    #[must_use]
    pub fn volume_mounts(&self) -> Vec<VolumeMount> {
        self.workload.raw.volume_mounts(self.record.index)
    }

    /// Returns `volumeDevices`: name and device path.
    #[must_use]
    pub fn volume_devices(&self) -> Vec<(String, String)> {
        self.workload.raw.volume_devices(self.record.index)
    }

    /// Returns `securityContext`; `None` where none is set.
    #[must_use]
    pub fn security_context(&self) -> Option<SecurityContext> {
        self.workload.raw.security_context(self.record.index)
    }

    /// Returns the declared port with this name.
    #[must_use]
    pub fn port_named(&self, name: &str) -> Option<&'a ContainerPort> {
        self.record
            .ports
            .iter()
            .find(|port| port.name.as_deref() == Some(name))
    }

    /// Returns the declared port with this number.
    #[must_use]
    pub fn port_numbered(&self, number: i32) -> Option<&'a ContainerPort> {
        self.record
            .ports
            .iter()
            .find(|port| port.container_port == number)
    }

    /// Returns the number of a probe's or hook's port: the number itself, or that of the declared
    /// port with this name. As in the kubelet, text that is a number means that number, and a name
    /// that no port of this container has means `None`.
    #[must_use]
    pub fn port_number(&self, port: &IntOrString) -> Option<i32> {
        match port {
            IntOrString::Int(number) => Some(*number),
            IntOrString::Text(name) => match self.port_named(name) {
                Some(port) => Some(port.container_port),
                None => name.parse().ok(),
            },
        }
    }

    /// Returns the request of a resource (`cpu`, `memory`, …), as the quantity is written.
    #[must_use]
    pub fn request(&self, resource: &str) -> Option<&'a str> {
        quantity(&self.record.resources.requests, resource)
    }

    /// Returns the limit of a resource (`cpu`, `memory`, …), as the quantity is written.
    #[must_use]
    pub fn limit(&self, resource: &str) -> Option<&'a str> {
        quantity(&self.record.resources.limits, resource)
    }

    /// Returns the JSON pointer of a field of this container, such as
    /// `readinessProbe/httpGet/port`. `relative` is itself a pointer: a `/` or `~` within a key
    /// must be escaped, as [`pointer`](crate::pointer()) does.
    #[must_use]
    pub fn path_to(&self, relative: &str) -> String {
        join(&self.record.path, relative)
    }
}

fn quantity<'a>(list: &'a [(String, String)], resource: &str) -> Option<&'a str> {
    list.iter()
        .find(|(name, _)| name == resource)
        .map(|(_, quantity)| quantity.as_str())
}
