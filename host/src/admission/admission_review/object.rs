//! An object of a review, as a JSON tree without `metadata.managedFields`: no policy is shown those
//! (see `json` in `wit/types.wit`), and they are often half of what the API server sends.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The tree; `Null` where the review has no object.
#[derive(Default)]
pub(super) struct Object(pub(super) Value);

impl Object {
    /// The tree, unless there is none.
    pub(super) fn into_tree(self) -> Option<Value> {
        (!self.0.is_null()).then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Layer::Object.deserialize(deserializer).map(Self)
    }
}

/// Where in the object a map stands.
#[derive(Clone, Copy)]
enum Layer {
    Object,
    Metadata,
}

impl<'de> DeserializeSeed<'de> for Layer {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Layer {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object of the API",
            Self::Metadata => "the metadata of an object",
        })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = match (self, key.as_str()) {
                (Self::Metadata, "managedFields") => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Self::Object, "metadata") => entries.next_value_seed(Self::Metadata)?,
                _ => entries.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};

    use super::*;

    #[test]
    fn only_managed_fields_of_the_metadata_are_left_out() {
        let text = r#"{
            "metadata": {"name": "cart", "managedFields": [{"manager": "kubectl"}]},
            "spec": {"managedFields": 1, "metadata": {"managedFields": 2}}
        }"#;
        let tree = from_str::<Object>(text).expect("JSON").0;
        let expected = json!({
            "metadata": {"name": "cart"},
            "spec": {"managedFields": 1, "metadata": {"managedFields": 2}},
        });
        assert_eq!(tree, expected);
    }

    #[test]
    fn null_is_no_object_and_text_is_an_error() {
        assert!(
            from_str::<Object>("null")
                .expect("JSON")
                .into_tree()
                .is_none()
        );
        assert!(from_str::<Object>("\"cart\"").is_err());
    }
}
