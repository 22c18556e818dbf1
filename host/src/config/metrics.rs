//! The described metric sources, ready to be asked.

use std::sync::Arc;

use super::{BrokenSource, Configuration, Place};
use crate::sources::prometheus::{DescribedIn, PrometheusSource};
use crate::sources::{NamedMetrics, Secrets};

/// Sets up every described metric source; nothing is asked yet. One that cannot be set up is told
/// of, and says so again to each policy that asks it.
#[must_use]
pub fn metrics(
    configuration: &Configuration,
    secrets: &Arc<dyn Secrets>,
) -> (NamedMetrics, Vec<BrokenSource>) {
    let mut broken = configuration.broken_sources.clone();
    let mut set_up: Vec<_> = broken
        .iter()
        .map(|source| (source.name.clone(), Err(source.error())))
        .collect();
    for item in &configuration.sources {
        let name = item.name();
        let described = match item.place {
            Place::Object(_) => DescribedIn::Cluster,
            Place::Text(..) => DescribedIn::File,
        };
        let spec = &item.source.spec.prometheus;
        let source = PrometheusSource::new(name, spec, described, secrets);
        if let Err(error) = &source {
            broken.push(BrokenSource {
                name: name.to_owned(),
                problem: item.place.problem(&error.pointer, error.message.as_str()),
            });
        }
        set_up.push((name.to_owned(), source));
    }
    (set_up.into_iter().collect(), broken)
}
