//! Containers of a Pod template, their probes and hooks.

use super::node::Node;
use crate::records::{
    Container, ContainerPort, Grpc, Handler, HttpGet, IntOrString, Lifecycle, Probe, Resources,
    TcpSocket,
};
use crate::shape::ShapeError;

/// Parses the containers of a Pod spec, then its init containers.
pub(crate) fn containers(spec: &Node<'_, '_>) -> Result<Vec<Container>, ShapeError> {
    let main = spec.field("containers")?;
    if main.value().is_null() {
        return Err(main.wrong("a list of containers"));
    }
    let init = spec.field("initContainers")?;
    let length = |list: &Node<'_, '_>| list.value().as_array().map_or(0, <[_]>::len);
    let mut containers = Vec::with_capacity(length(&main) + length(&init));
    for (list, role) in [(&main, List::Main), (&init, List::Init)] {
        list.each(|node| {
            containers.push(container(&node, role)?);
            Ok(())
        })?;
    }
    for (index, container) in (0..).zip(&mut containers) {
        container.index = index;
    }
    Ok(containers)
}

#[derive(Clone, Copy)]
enum List {
    Main,
    Init,
}

fn container(node: &Node<'_, '_>, list: List) -> Result<Container, ShapeError> {
    if node.object()?.is_none() {
        return Err(node.wrong("a container"));
    }
    let resources = node.field("resources")?;
    let lifecycle = node.field("lifecycle")?;
    Ok(Container {
        index: 0,
        path: node.pointer(),
        name: node.field("name")?.text_or_empty()?,
        image: node.field("image")?.text_or_empty()?,
        role: role(node, list)?.to_owned(),
        image_pull_policy: node.field("imagePullPolicy")?.text_or_empty()?,
        command: node.field("command")?.texts()?,
        args: node.field("args")?.texts()?,
        ports: node.field("ports")?.each(|port| container_port(&port))?,
        resources: Resources {
            requests: resources.field("requests")?.quantities()?,
            limits: resources.field("limits")?.quantities()?,
        },
        lifecycle: Lifecycle {
            post_start: lifecycle
                .field("postStart")?
                .present()
                .map(|node| handler(&node))
                .transpose()?,
            pre_stop: lifecycle
                .field("preStop")?
                .present()
                .map(|node| handler(&node))
                .transpose()?,
        },
        liveness_probe: node
            .field("livenessProbe")?
            .present()
            .map(|node| probe(&node))
            .transpose()?,
        readiness_probe: node
            .field("readinessProbe")?
            .present()
            .map(|node| probe(&node))
            .transpose()?,
        startup_probe: node
            .field("startupProbe")?
            .present()
            .map(|node| probe(&node))
            .transpose()?,
    })
}

/// Returns the role. An init container with `restartPolicy: Always` is a sidecar (KEP-753).
fn role(node: &Node<'_, '_>, list: List) -> Result<&'static str, ShapeError> {
    let restart_policy = node.field("restartPolicy")?.text()?;
    Ok(match (list, restart_policy) {
        (List::Main, _) => "main",
        (List::Init, Some("Always")) => "sidecar",
        (List::Init, _) => "init",
    })
}

fn container_port(node: &Node<'_, '_>) -> Result<ContainerPort, ShapeError> {
    Ok(ContainerPort {
        name: node.field("name")?.filled()?,
        container_port: node.field("containerPort")?.i32()?.unwrap_or_default(),
        // The API writes "none" as 0.
        host_port: node.field("hostPort")?.i32()?.filter(|port| *port != 0),
        protocol: node.field("protocol")?.text_or_empty()?,
    })
}

fn probe(node: &Node<'_, '_>) -> Result<Probe, ShapeError> {
    let seconds = |key| Ok::<_, ShapeError>(node.field(key)?.i32()?.unwrap_or_default());
    Ok(Probe {
        handler: handler(node)?,
        initial_delay_seconds: seconds("initialDelaySeconds")?,
        period_seconds: seconds("periodSeconds")?,
        timeout_seconds: seconds("timeoutSeconds")?,
        success_threshold: seconds("successThreshold")?,
        failure_threshold: seconds("failureThreshold")?,
        termination_grace_period_seconds: node.field("terminationGracePeriodSeconds")?.i64()?,
    })
}

/// The handlers of this API version. All other fields of a probe are numbers, so an object in
/// another field is the handler of a newer version.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

fn handler(node: &Node<'_, '_>) -> Result<Handler, ShapeError> {
    let Some(map) = node.object()? else {
        return Ok(Handler::Other(String::new()));
    };
    let known = HANDLERS
        .into_iter()
        .find(|key| map.get(key).is_some_and(|action| !action.is_null()));
    let newer = || {
        map.iter()
            .find(|(_, value)| value.as_object().is_some())
            .map(|(key, _)| key)
    };
    let Some(key) = known.or_else(newer) else {
        return Ok(Handler::Other(String::new()));
    };
    let action = node.field(key)?;
    Ok(match key {
        "exec" => Handler::Exec(action.field("command")?.texts()?),
        "httpGet" => Handler::HttpGet(http_get(&action)?),
        "tcpSocket" => Handler::TcpSocket(TcpSocket {
            port: port(&action)?,
            host: action.field("host")?.filled()?,
        }),
        "grpc" => Handler::Grpc(Grpc {
            port: action.field("port")?.i32()?.unwrap_or_default(),
            service: action.field("service")?.text_or_empty()?,
        }),
        "sleep" => Handler::Sleep(action.field("seconds")?.i64()?.unwrap_or_default()),
        newer => Handler::Other(newer.to_owned()),
    })
}

fn http_get(node: &Node<'_, '_>) -> Result<HttpGet, ShapeError> {
    Ok(HttpGet {
        path: node.field("path")?.text_or_empty()?,
        port: port(node)?,
        host: node.field("host")?.filled()?,
        scheme: node.field("scheme")?.text_or_empty()?,
        headers: node.field("httpHeaders")?.each(|header| {
            Ok((
                header.field("name")?.text_or_empty()?,
                header.field("value")?.text_or_empty()?,
            ))
        })?,
    })
}

fn port(node: &Node<'_, '_>) -> Result<IntOrString, ShapeError> {
    Ok(node
        .field("port")?
        .int_or_string()?
        .unwrap_or(IntOrString::Int(0)))
}
