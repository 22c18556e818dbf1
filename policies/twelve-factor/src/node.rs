//! Folders and ports of the node.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Kind, Workload, serde_json};
use serde::Deserialize;

use crate::rules::Rule;

/// Checks what a workload uses of its nodes. A DaemonSet has one Pod on each node and is made for
/// this.
pub(crate) fn check(workload: &Workload, report: &mut Report<'_, Rule>) {
    if workload.kind() == Kind::DaemonSet {
        return;
    }
    host_paths(workload, report);
    if workload.pod().is_some_and(|pod| pod.host_network) {
        host_network(workload, report);
    } else {
        host_ports(workload, report);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    #[serde(default)]
    name: String,
    host_path: Option<HostPath>,
}

#[derive(Deserialize)]
struct HostPath {
    #[serde(default)]
    path: String,
}

fn host_paths(workload: &Workload, report: &mut Report<'_, Rule>) {
    let text = workload.json("/spec/template/spec/volumes");
    let Some(text) = text.filter(|text| text.contains("\"hostPath\"")) else {
        return;
    };
    let volumes: Vec<Volume> = serde_json::from_str(&text).unwrap_or_default();
    for container in workload.containers() {
        for (index, mount) in container.volume_mounts().iter().enumerate() {
            let volume = volumes.iter().find(|volume| volume.name == mount.name);
            let Some(host_path) = volume.and_then(|volume| volume.host_path.as_ref()) else {
                continue;
            };
            if !mount.read_only {
                report.in_container(&container.name, Rule::HostPathWritable, || {
                    writable(container, index, &host_path.path)
                });
            }
        }
    }
}

fn writable(container: Container<'_>, index: usize, path: &str) -> Problem {
    Problem {
        path: container.path_to(&format!("volumeMounts/{index}")),
        message: [
            "Container `",
            &container.name,
            "` may write to ",
            path,
            " of its node: what it writes stays there, and a new Pod on another node does not \
             have it.",
        ]
        .concat(),
        found: ["hostPath ", path, ", writable"].concat(),
        expected: "a PersistentVolumeClaim, an emptyDir, or readOnly: true".to_owned(),
        hint: "Keep what must survive in a PersistentVolumeClaim or a service, and the rest in an \
               emptyDir; set readOnly: true if it is only read."
            .to_owned(),
    }
}

fn host_ports(workload: &Workload, report: &mut Report<'_, Rule>) {
    for container in workload.long_running() {
        for (index, port) in container.ports.iter().enumerate() {
            let Some(number) = port.host_port.filter(|number| *number != 0) else {
                continue;
            };
            report.in_container(&container.name, Rule::HostPortFixed, || {
                fixed(
                    container.path_to(&format!("ports/{index}/hostPort")),
                    &["Container `", &container.name, "` takes"].concat(),
                    &number.to_string(),
                )
            });
        }
    }
}

/// Under `hostNetwork`, every declared port is one of the node.
fn host_network(workload: &Workload, report: &mut Report<'_, Rule>) {
    let mut ports = workload.long_running().flat_map(|container| {
        let ports = container.record().ports.iter();
        ports.map(|port| port.container_port)
    });
    if let Some(number) = ports.next() {
        report.add(Rule::HostPortFixed, || {
            fixed(
                workload.pod_path("hostNetwork"),
                "With hostNetwork, each Pod takes",
                &number.to_string(),
            )
        });
    }
}

fn fixed(path: String, subject: &str, number: &str) -> Problem {
    Problem {
        path,
        message: [
            subject,
            " port ",
            number,
            " of its node: no two Pods fit on one node, and a rollout stands still where no node \
             has this port free for a new Pod.",
        ]
        .concat(),
        found: ["port ", number, " of the node"].concat(),
        expected: "no port of the node".to_owned(),
        hint: "Leave it out, and let a Service (NodePort or LoadBalancer) or an Ingress lead \
               traffic to the Pods."
            .to_owned(),
    }
}
