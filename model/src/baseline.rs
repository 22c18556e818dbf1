//! What the findings of a change are held against, to tell those that were there before.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::workload::Workload;

/// What a workload had before a change. Findings that it has too are existing ones.
///
/// It is not always the old object: whoever goes back to a faulty template, which no policy judges,
/// would make its faults existing ones for whatever comes next.
#[derive(Clone, Debug)]
pub struct Baseline {
    source: Source,
    /// Most policies never ask, so it is put together for the first that does.
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
    /// Nothing: every finding is a new one.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::of(Source::Nothing)
    }

    /// The old object as it is.
    #[must_use]
    pub const fn old_object() -> Self {
        Self::of(Source::OldObject)
    }

    /// The old object with another Pod template; nothing, where that has not the shape of one.
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

    /// Returns the workload to hold findings against, by the old object.
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
