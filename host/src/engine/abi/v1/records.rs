//! Converts the model's records to the contract's.

use rollgate_model as model;

use crate::engine::abi::v1::bindings::rollgate::policy::types;

impl From<&model::IntOrString> for types::IntOrString {
    fn from(value: &model::IntOrString) -> Self {
        match value {
            model::IntOrString::Int(number) => Self::Int(*number),
            model::IntOrString::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl From<&model::Strategy> for types::Strategy {
    fn from(strategy: &model::Strategy) -> Self {
        Self {
            kind: strategy.kind.clone(),
            max_unavailable: strategy.max_unavailable.as_ref().map(Into::into),
            max_surge: strategy.max_surge.as_ref().map(Into::into),
            partition: strategy.partition,
        }
    }
}

impl From<&model::Pod> for types::Pod {
    fn from(pod: &model::Pod) -> Self {
        Self {
            restart_policy: pod.restart_policy.clone(),
            termination_grace_period_seconds: pod.termination_grace_period_seconds,
            service_account_name: pod.service_account_name.clone(),
            automount_service_account_token: pod.automount_service_account_token,
            host_network: pod.host_network,
            host_pid: pod.host_pid,
            host_ipc: pod.host_ipc,
            share_process_namespace: pod.share_process_namespace,
            priority_class_name: pod.priority_class_name.clone(),
            dns_policy: pod.dns_policy.clone(),
            node_selector: pod.node_selector.clone(),
            readiness_gates: pod.readiness_gates.clone(),
        }
    }
}

impl From<&model::Container> for types::Container {
    fn from(container: &model::Container) -> Self {
        Self {
            index: container.index,
            path: container.path.clone(),
            name: container.name.clone(),
            image: container.image.clone(),
            role: container.role.clone(),
            image_pull_policy: container.image_pull_policy.clone(),
            command: container.command.clone(),
            args: container.args.clone(),
            ports: container.ports.iter().map(Into::into).collect(),
            resources: types::Resources {
                requests: container.resources.requests.clone(),
                limits: container.resources.limits.clone(),
            },
            lifecycle: types::Lifecycle {
                post_start: container.lifecycle.post_start.as_ref().map(Into::into),
                pre_stop: container.lifecycle.pre_stop.as_ref().map(Into::into),
            },
            liveness_probe: container.liveness_probe.as_ref().map(Into::into),
            readiness_probe: container.readiness_probe.as_ref().map(Into::into),
            startup_probe: container.startup_probe.as_ref().map(Into::into),
        }
    }
}

impl From<&model::ContainerPort> for types::ContainerPort {
    fn from(port: &model::ContainerPort) -> Self {
        Self {
            name: port.name.clone(),
            container_port: port.container_port,
            host_port: port.host_port,
            protocol: port.protocol.clone(),
        }
    }
}

impl From<&model::Probe> for types::Probe {
    fn from(probe: &model::Probe) -> Self {
        Self {
            handler: (&probe.handler).into(),
            initial_delay_seconds: probe.initial_delay_seconds,
            period_seconds: probe.period_seconds,
            timeout_seconds: probe.timeout_seconds,
            success_threshold: probe.success_threshold,
            failure_threshold: probe.failure_threshold,
            termination_grace_period_seconds: probe.termination_grace_period_seconds,
        }
    }
}

impl From<&model::Handler> for types::Handler {
    fn from(handler: &model::Handler) -> Self {
        match handler {
            model::Handler::Exec(command) => Self::Exec(command.clone()),
            model::Handler::HttpGet(get) => Self::HttpGet(types::HttpGet {
                path: get.path.clone(),
                port: (&get.port).into(),
                host: get.host.clone(),
                scheme: get.scheme.clone(),
                headers: get.headers.clone(),
            }),
            model::Handler::TcpSocket(tcp) => Self::TcpSocket(types::TcpSocket {
                port: (&tcp.port).into(),
                host: tcp.host.clone(),
            }),
            model::Handler::Grpc(grpc) => Self::Grpc(types::Grpc {
                port: grpc.port,
                service: grpc.service.clone(),
            }),
            model::Handler::Sleep(seconds) => Self::Sleep(*seconds),
            model::Handler::Other(field) => Self::Other(field.clone()),
        }
    }
}

impl From<model::EnvVar> for types::EnvVar {
    fn from(variable: model::EnvVar) -> Self {
        Self {
            name: variable.name,
            value: variable.value,
            value_from: variable.value_from,
        }
    }
}

impl From<model::EnvFrom> for types::EnvFrom {
    fn from(from: model::EnvFrom) -> Self {
        Self {
            kind: from.kind,
            name: from.name,
            prefix: from.prefix,
            optional: from.optional,
        }
    }
}

impl From<model::VolumeMount> for types::VolumeMount {
    fn from(mount: model::VolumeMount) -> Self {
        Self {
            name: mount.name,
            mount_path: mount.mount_path,
            sub_path: mount.sub_path,
            read_only: mount.read_only,
        }
    }
}

impl From<model::SecurityContext> for types::SecurityContext {
    fn from(context: model::SecurityContext) -> Self {
        Self {
            privileged: context.privileged,
            allow_privilege_escalation: context.allow_privilege_escalation,
            read_only_root_filesystem: context.read_only_root_filesystem,
            run_as_non_root: context.run_as_non_root,
            run_as_user: context.run_as_user,
            run_as_group: context.run_as_group,
            capabilities_add: context.capabilities_add,
            capabilities_drop: context.capabilities_drop,
        }
    }
}
