//! What findings are compared with, to recognize those that existed before the change.

use std::sync::{Arc, OnceLock};

use crate::json::Value;

use crate::workload::Workload;

/// The state of a workload before a change. A finding that it has too counts as existing.
///
/// This is not always the old object. No policy evaluates a rollback by default, so a rollback to a
/// faulty template would turn its faults into existing ones for every later change.
#[derive(Clone, Debug)]
pub struct Baseline {
    source: Source,
    /// Built for the first policy that asks; most never do.
    built: OnceLock<Option<Arc<Workload>>>,
}

#[derive(Clone, Debug)]
enum Source {
    Nothing,
    OldObject,
    OldObjectWith(Box<Value>),
    Object(Arc<Workload>),
}

impl Baseline {
    /// No state: every finding is new.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::of(Source::Nothing)
    }

    /// The old object.
    #[must_use]
    pub const fn old_object() -> Self {
        Self::of(Source::OldObject)
    }

    /// The old object with another Pod template; no state where that is not a valid one.
    #[must_use]
    pub fn old_object_with(template: Value) -> Self {
        Self::of(Source::OldObjectWith(Box::new(template)))
    }

    /// This object.
    #[must_use]
    pub const fn object(object: Arc<Workload>) -> Self {
        Self::of(Source::Object(object))
    }

    const fn of(source: Source) -> Self {
        Self {
            source,
            built: OnceLock::new(),
        }
    }

    /// Returns the workload to compare findings with.
    pub(crate) fn workload<'a>(
        &'a self,
        old: Option<&'a Arc<Workload>>,
    ) -> Option<&'a Arc<Workload>> {
        match &self.source {
            Source::Nothing => None,
            Source::OldObject => old,
            Source::Object(object) => Some(object),
            Source::OldObjectWith(template) => {
                let build = || old?.with_template((**template).clone()).ok().map(Arc::new);
                self.built.get_or_init(build).as_ref()
            }
        }
    }
}
