//! The table of defaults.
//!
//! Sources are files of kubernetes/kubernetes, release 1.35. `zz_generated.defaults.go` has the
//! defaults that are `+default` markers of fields in the API types.

pub(super) mod pods;
pub(super) mod services;
pub(super) mod volumes;
pub(super) mod workloads;

use serde_json::Number;

use crate::json::{Map, Value};

use super::Object;

/// The defaults of one type of the API.
#[derive(Debug)]
pub struct TypeDefaults {
    /// The type, such as `core/v1 Probe`.
    pub name: &'static str,
    /// Where the defaults come from: a file and its function, or a document.
    pub source: &'static str,
    /// The fields that get a default.
    pub rows: &'static [FieldDefault],
}

/// The default of one field.
#[derive(Debug)]
pub struct FieldDefault {
    /// The field.
    pub field: &'static str,
    /// Which values count as not set.
    pub when: When,
    /// The default.
    pub value: DefaultValue,
}

/// When a default applies. An explicit `null` always counts as not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Where the field is absent: the API's type is a pointer, which distinguishes 0 from absent.
    Absent,
    /// Where the field is absent, empty text or 0: the API's type cannot distinguish these.
    Zero,
}

/// The value of a default.
#[derive(Clone, Copy, Debug)]
pub enum DefaultValue {
    /// This text.
    Text(&'static str),
    /// This number.
    Int(i64),
    /// This boolean.
    Flag(bool),
    /// An object without fields.
    Empty,
    /// Computed from the fields beside it; `None` gives no default.
    Beside(fn(&Map) -> Option<Value>),
}

/// All defaults.
pub fn table() -> impl Iterator<Item = &'static TypeDefaults> {
    SHAPES.into_iter()
}

/// Fills the defaults of a type into an object.
pub(super) fn apply(shape: &TypeDefaults, object: &mut Object) {
    for row in shape.rows {
        if row.when.applies(object.get(row.field))
            && let Some(value) = row.value.make(object)
        {
            object.insert(row.field, value);
        }
    }
}

impl When {
    pub(super) fn applies(self, found: Option<&Value>) -> bool {
        match found {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => self == Self::Zero && text.is_empty(),
            Some(Value::Number(number)) => self == Self::Zero && number.as_i64() == Some(0),
            Some(_) => false,
        }
    }
}

impl DefaultValue {
    fn make(self, object: &Object) -> Option<Value> {
        Some(match self {
            Self::Text(text) => Value::from(text),
            Self::Int(number) => Value::Number(Number::from(number)),
            Self::Flag(flag) => Value::Bool(flag),
            Self::Empty => Value::Object(Map::new()),
            Self::Beside(compute) => return compute(object),
        })
    }
}

const fn absent(field: &'static str, value: DefaultValue) -> FieldDefault {
    FieldDefault {
        field,
        when: When::Absent,
        value,
    }
}

const fn zero(field: &'static str, value: DefaultValue) -> FieldDefault {
    FieldDefault {
        field,
        when: When::Zero,
        value,
    }
}

const SHAPES: [&TypeDefaults; 36] = [
    &workloads::DEPLOYMENT_SPEC,
    &workloads::DEPLOYMENT_STRATEGY,
    &workloads::DEPLOYMENT_ROLLING_UPDATE,
    &workloads::STATEFUL_SET_SPEC,
    &workloads::STATEFUL_SET_ROLLING_UPDATE,
    &workloads::CLAIM_RETENTION_POLICY,
    &workloads::DAEMON_SET_SPEC,
    &workloads::DAEMON_SET_ROLLING_UPDATE,
    &workloads::UPDATE_STRATEGY,
    &workloads::ARGO_ROLLOUT_SPEC,
    &workloads::ARGO_CANARY,
    &services::SERVICE_SPEC,
    &services::SERVICE_PORT,
    &services::CLIENT_IP_CONFIG,
    &pods::POD_SPEC,
    &pods::CONTAINER,
    &pods::CONTAINER_PORT,
    &pods::PROBE,
    &pods::HTTP_GET,
    &pods::GRPC,
    &pods::FIELD_REF,
    &pods::RESOURCE_FIELD_REF,
    &pods::FILE_KEY_REF,
    &volumes::VOLUME,
    &volumes::VOLUME_WITH_FILES,
    &volumes::HOST_PATH,
    &volumes::IMAGE_VOLUME,
    &volumes::TOKEN_PROJECTION,
    &volumes::ISCSI,
    &volumes::RBD,
    &volumes::AZURE_DISK,
    &volumes::SCALE_IO,
    &volumes::CLAIM,
    &volumes::CLAIM_TEMPLATE,
    &volumes::CLAIM_SPEC,
    &volumes::CLAIM_STATUS,
];
