//! What is wrong with a policy: all of it is collected, and told at once.

use std::collections::BTreeSet;

use rollgate_model::dns;

/// A mistake in an object, by the pointer to what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Mistake {
    pub(in crate::config) pointer: String,
    pub(in crate::config) message: String,
}

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// What was compiled, if that went without a mistake.
    pub(super) fn none_in<T>(self, compiled: T) -> Result<T, Vec<Mistake>> {
        if self.0.is_empty() {
            Ok(compiled)
        } else {
            Err(self.0)
        }
    }

    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Mistake {
            pointer: pointer.into(),
            message: message.into(),
        });
    }

    /// A value that was found sound. One that was not is a mistake, and nobody sees what stands in
    /// for it.
    pub(super) fn sound<T: Default>(&mut self, value: Option<T>, pointer: &str, wanted: &str) -> T {
        value.unwrap_or_else(|| {
            self.add(pointer, wanted);
            T::default()
        })
    }

    /// The namespaces of a list that, where it is written, names some.
    pub(super) fn some_namespaces(&mut self, list: &[String], pointer: &str) -> BTreeSet<String> {
        self.no_empty_list(list, pointer);
        self.namespaces(list, pointer)
    }

    pub(super) fn namespaces(&mut self, list: &[String], pointer: &str) -> BTreeSet<String> {
        for (index, namespace) in list.iter().enumerate() {
            self.namespace(namespace, format!("{pointer}/{index}"));
        }
        list.iter().cloned().collect()
    }

    pub(super) fn namespace(&mut self, namespace: &str, pointer: impl Into<String>) {
        if !dns::is_label(namespace) {
            let namespace = namespace.escape_debug();
            let message = format!(
                "`{namespace}` is no namespace; name each one in full, patterns are not known"
            );
            self.add(pointer, message);
        }
    }

    pub(super) fn no_empty_list(&mut self, list: &[String], pointer: &str) {
        if list.is_empty() {
            self.add(
                pointer,
                "an empty list would match nothing; leave it out to match everything",
            );
        }
    }
}
