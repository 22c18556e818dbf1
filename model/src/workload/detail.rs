//! The parts of a container that are read only when a policy asks: variables, mounts, security
//! context.
//!
//! Everything is validated when the object is parsed, so that reading it later cannot fail.

use crate::json::Value;

use super::node::Node;
use crate::records::{EnvFrom, EnvVar, SecurityContext, VolumeMount};
use crate::shape::ShapeError;

/// Validates everything that the functions of this module read.
pub(crate) fn check(container: &Node<'_, '_>) -> Result<(), ShapeError> {
    container
        .field("env")?
        .each(|node| env_ref(&node).map(drop))?;
    each(container, "envFrom", env_from_source)?;
    each(container, "volumeMounts", volume_mount)?;
    each(container, "volumeDevices", volume_device)?;
    security_context(container)?;
    Ok(())
}

pub(crate) fn env(container: &Node<'_, '_>) -> Result<Vec<EnvVar>, ShapeError> {
    container
        .field("env")?
        .each(|node| env_ref(&node).map(EnvVar::from))
}

pub(crate) fn env_from(container: &Node<'_, '_>) -> Result<Vec<EnvFrom>, ShapeError> {
    container
        .field("envFrom")?
        .each(|node| env_from_source(&node))
}

pub(crate) fn volume_mounts(container: &Node<'_, '_>) -> Result<Vec<VolumeMount>, ShapeError> {
    container
        .field("volumeMounts")?
        .each(|node| volume_mount(&node))
}

pub(crate) fn volume_devices(
    container: &Node<'_, '_>,
) -> Result<Vec<(String, String)>, ShapeError> {
    container
        .field("volumeDevices")?
        .each(|node| volume_device(&node))
}

pub(crate) fn security_context(
    container: &Node<'_, '_>,
) -> Result<Option<SecurityContext>, ShapeError> {
    let Some(node) = container.field("securityContext")?.present() else {
        return Ok(None);
    };
    let capabilities = node.field("capabilities")?;
    Ok(Some(SecurityContext {
        privileged: node.field("privileged")?.flag()?,
        allow_privilege_escalation: node.field("allowPrivilegeEscalation")?.flag()?,
        read_only_root_filesystem: node.field("readOnlyRootFilesystem")?.flag()?,
        run_as_non_root: node.field("runAsNonRoot")?.flag()?,
        run_as_user: node.field("runAsUser")?.i64()?,
        run_as_group: node.field("runAsGroup")?.i64()?,
        capabilities_add: capabilities.field("add")?.texts()?,
        capabilities_drop: capabilities.field("drop")?.texts()?,
    }))
}

/// Validates each item of a list, and keeps none.
fn each<T>(
    container: &Node<'_, '_>,
    list: &str,
    read: impl Fn(&Node<'_, '_>) -> Result<T, ShapeError>,
) -> Result<(), ShapeError> {
    let items = container.field(list)?;
    items.each(|node| read(&node).map(drop)).map(drop)
}

fn env_from_source(node: &Node<'_, '_>) -> Result<EnvFrom, ShapeError> {
    let Some((kind, _)) = sole_field(node, "prefix")? else {
        return Err(node.wrong("a `configMapRef` or a `secretRef`"));
    };
    let source = node.field(kind)?;
    Ok(EnvFrom {
        kind: kind.to_owned(),
        name: source.field("name")?.text_or_empty()?,
        prefix: node.field("prefix")?.text_or_empty()?,
        optional: source.field("optional")?.flag()?.unwrap_or_default(),
    })
}

fn volume_mount(node: &Node<'_, '_>) -> Result<VolumeMount, ShapeError> {
    Ok(VolumeMount {
        name: node.field("name")?.text_or_empty()?,
        mount_path: node.field("mountPath")?.text_or_empty()?,
        sub_path: node.field("subPath")?.filled()?,
        read_only: node.field("readOnly")?.flag()?.unwrap_or_default(),
    })
}

fn volume_device(node: &Node<'_, '_>) -> Result<(String, String), ShapeError> {
    Ok((
        node.field("name")?.text_or_empty()?,
        node.field("devicePath")?.text_or_empty()?,
    ))
}

/// A variable, borrowed from the tree, so that validation allocates nothing.
struct EnvRef<'v> {
    name: &'v str,
    value: &'v str,
    value_from: Option<(&'v str, &'v Value)>,
}

fn env_ref<'v>(node: &Node<'v, '_>) -> Result<EnvRef<'v>, ShapeError> {
    let value = node.field("value")?;
    // The value may be a secret, so no message contains it.
    let value = value
        .text()
        .map_err(|_| value.wrong_hidden("a string (put it in quotes)"))?;
    Ok(EnvRef {
        name: node.field("name")?.text()?.unwrap_or_default(),
        value: value.unwrap_or_default(),
        value_from: sole_field(&node.field("valueFrom")?, "")?,
    })
}

impl From<EnvRef<'_>> for EnvVar {
    fn from(env: EnvRef<'_>) -> Self {
        let value_from = env
            .value_from
            .map(|(kind, source)| (kind.to_owned(), source.to_string()));
        let value = value_from.is_none().then(|| env.value.to_owned());
        Self {
            name: env.name.to_owned(),
            value,
            value_from,
        }
    }
}

/// Returns the one field of a union that is set, whatever its name.
fn sole_field<'v>(
    union: &Node<'v, '_>,
    beside: &str,
) -> Result<Option<(&'v str, &'v Value)>, ShapeError> {
    let Some(map) = union.object()? else {
        return Ok(None);
    };
    Ok(map
        .iter()
        .find(|(key, value)| !value.is_null() && *key != beside))
}
