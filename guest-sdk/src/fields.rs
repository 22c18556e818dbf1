//! Reads single fields of objects of the cluster.
//!
//! A type with `serde::Deserialize` is shorter to write, and costs a module tens of kilobytes for each
//! object of that many fields. A policy that reads many kinds takes what it needs from their JSON
//! instead, one object after the other.

use crate::cluster::{self, ClusterError};
use crate::sys;
use jiff::Timestamp;
use serde_json::Value;

/// A value of an object, which may be absent. What is absent, or of another type than the one that is
/// asked for, is empty: the API server has checked the types.
///
/// ```
/// use rollgate_sdk::fields::Fields;
/// use rollgate_sdk::serde_json::json;
///
/// let object = json!({"spec": {"replicas": 3, "paused": true}, "metadata": {"labels": {"app": "shop"}}});
/// let object = Fields::of(&object);
/// assert_eq!(object.at("spec").at("replicas").number(), Some(3));
/// assert_eq!(object.at("status").at("replicas").number(), None);
/// assert!(object.at("spec").at("paused").is_true());
/// assert_eq!(object.at("metadata").at("labels").pairs(), [("app".to_owned(), "shop".to_owned())]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(Option<&'a Value>);

impl<'a> Fields<'a> {
    /// Returns the fields of a value.
    #[must_use]
    pub const fn of(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn at(self, key: &str) -> Self {
        Self(self.0.and_then(|value| value.get(key)))
    }

    /// Whether there is a value other than null.
    #[must_use]
    pub fn is_there(self) -> bool {
        self.0.is_some_and(|value| !value.is_null())
    }

    /// Returns a text; the empty one where there is none.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a whole number.
    #[must_use]
    pub fn number(self) -> Option<i64> {
        self.0.and_then(Value::as_i64)
    }

    /// Whether it is `true`.
    #[must_use]
    pub fn is_true(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    /// Returns an instant.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        self.text().parse().ok()
    }

    /// Returns the items of a list.
    pub fn items(self) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.0.and_then(Value::as_array);
        items.into_iter().flatten().map(Self::of)
    }

    /// Returns the keys and texts of a mapping, such as labels, sorted by key.
    #[must_use]
    pub fn pairs(self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (key, value) in self.0.and_then(Value::as_object).into_iter().flatten() {
            pairs.push((key.clone(), Self::of(value).text().to_owned()));
        }
        pairs
    }
}

/// Returns the value of a key of [`Fields::pairs`].
#[must_use]
pub fn value_of<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(other, _)| other == key)?;
    Some(&found.1)
}

/// Reads one object as [`cluster::get_fresh`], and takes from it what is needed.
///
/// # Errors
/// The read failed.
pub fn get_fresh<T>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
    take: fn(Fields<'_>) -> T,
) -> Result<T, ClusterError> {
    let object = cluster::get_fresh::<Value>(api_version, kind, namespace, name)?;
    Ok(take(Fields::of(&object)))
}

/// Lists objects as [`cluster::list_fresh`], and takes from each what is needed, so that only one of
/// them is in memory as a tree.
///
/// # Errors
/// The read failed.
pub fn list_fresh<T>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
    take: fn(Fields<'_>) -> T,
) -> Result<Vec<T>, ClusterError> {
    let mut taken = Vec::new();
    for text in sys::list_fresh(api_version, kind, namespace, label_selector)? {
        let object: Value = cluster::parse(kind, &text)?;
        taken.push(take(Fields::of(&object)));
    }
    Ok(taken)
}
