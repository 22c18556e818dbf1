//! The described metric sources, ready to be asked.

use super::{BrokenSource, Configuration};
use crate::sources::NamedMetrics;
use crate::sources::prometheus::PrometheusSource;

/// Sets up every described metric source; nothing is asked yet. One that cannot be set up is told
/// of, and says so again to each policy that asks it.
#[must_use]
pub fn metrics(configuration: &Configuration) -> (NamedMetrics, Vec<BrokenSource>) {
    let mut broken = configuration.broken_sources.clone();
    let mut set_up: Vec<_> = broken
        .iter()
        .map(|source| (source.name.clone(), Err(source.error())))
        .collect();
    for item in &configuration.sources {
        let name = item.name();
        let source = PrometheusSource::new(name, &item.source.spec.prometheus);
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
