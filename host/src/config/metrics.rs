//! The described metric sources, ready to be asked.

use std::sync::Arc;

use super::{Configuration, Place, Problem};
use crate::sources::prometheus::{DescribedIn, PrometheusSource};
use crate::sources::{NamedMetrics, Secrets, SourceError};

/// Whether a metric source can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// What policies ask for it by.
    pub name: String,
    /// The generation of its object, where it came from the cluster.
    pub generation: Option<i64>,
    /// Why it cannot be set up; `None` where it is.
    pub problem: Option<Problem>,
}

/// Sets up every described metric source; nothing is asked yet. One that cannot be set up says so
/// again to each policy that asks it.
#[must_use]
pub fn metrics(
    configuration: &Configuration,
    secrets: &Arc<dyn Secrets>,
) -> (NamedMetrics, Vec<SourceState>) {
    let mut set_up = Vec::new();
    let mut states = Vec::new();
    for broken in &configuration.broken_sources {
        set_up.push((broken.name.clone(), Err(broken.error())));
        states.push(SourceState {
            name: broken.name.clone(),
            generation: broken.generation,
            problem: Some(broken.problem.clone()),
        });
    }
    for item in &configuration.sources {
        let described = match item.place {
            Place::Object(_) => DescribedIn::Cluster,
            Place::Text(..) => DescribedIn::File,
        };
        let spec = &item.source.spec.prometheus;
        let source = PrometheusSource::new(item.name(), spec, described, secrets);
        let problem =
            |error: &SourceError| item.place.problem(&error.pointer, error.message.as_str());
        states.push(SourceState {
            name: item.name().to_owned(),
            generation: item.generation,
            problem: source.as_ref().err().map(problem),
        });
        set_up.push((item.name().to_owned(), source));
    }
    (set_up.into_iter().collect(), states)
}
