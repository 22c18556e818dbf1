//! The entries of an object.

use compact_str::CompactString;

use super::{Value, bytes_outside};

/// The entries of a JSON object, sorted by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Box<[(CompactString, Value)]>);

/// Up to this number of entries, comparing one after the other is faster than searching.
const FEW: usize = 12;

impl Map {
    /// Returns an object without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an object of entries in any order. Of two with the same key, the last counts.
    pub(super) fn of(mut entries: Vec<(CompactString, Value)>) -> Self {
        if !entries.is_sorted_by(|(one, _), (other, _)| one < other) {
            // The sort is stable, so that the last of equal keys stays last.
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries.reverse();
            entries.dedup_by(|(one, _), (other, _)| one == other);
            entries.reverse();
        }
        Self(entries.into_boxed_slice())
    }

    /// Whether it has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        if self.0.len() <= FEW {
            let mut entries = self.0.iter();
            return entries
                .find(|(other, _)| other == key)
                .map(|(_, value)| value);
        }
        self.position(key).ok().map(|at| &self.0[at].1)
    }

    /// As [`get`](Self::get).
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: impl Into<CompactString>, value: Value) {
        let key = key.into();
        match self.position(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                let mut entries = Vec::with_capacity(self.0.len() + 1);
                entries.extend(std::mem::take(&mut self.0));
                entries.insert(at, (key, value));
                self.0 = entries.into_boxed_slice();
            }
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key).ok()?;
        let mut entries = std::mem::take(&mut self.0).into_vec();
        let (_, value) = entries.remove(at);
        self.0 = entries.into_boxed_slice();
        Some(value)
    }

    /// Removes the entries for which this is false.
    pub fn retain(&mut self, keep: impl Fn(&str, &Value) -> bool) {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.retain(|(key, value)| keep(key, value));
        self.0 = entries.into_boxed_slice();
    }

    /// Returns the entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Returns the values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Returns the bytes of memory that the entries take.
    pub(super) fn bytes(&self) -> usize {
        let entry = |(key, value): &(CompactString, Value)| {
            size_of::<CompactString>() + bytes_outside(key) + value.bytes()
        };
        self.0.iter().map(entry).sum()
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_str().cmp(key))
    }
}
