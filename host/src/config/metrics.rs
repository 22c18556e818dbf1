//! The described metric sources, ready to be asked.

use super::{Configuration, Problem};
use crate::sources::NamedMetrics;
use crate::sources::prometheus::PrometheusSource;

/// Sets up every described metric source; nothing is asked yet. One that cannot be set up is told
/// as a problem, and says so again to each policy that asks it.
#[must_use]
pub fn metrics(configuration: &Configuration) -> (NamedMetrics, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut set_up = Vec::new();
    for item in &configuration.sources {
        let name = item.name();
        let source = PrometheusSource::new(name, &item.source.spec.prometheus);
        if let Err(error) = &source {
            problems.push(Problem::of(
                &item.file,
                &item.spans,
                &error.pointer,
                error.message.as_str(),
            ));
        }
        set_up.push((name.to_owned(), source));
    }
    (set_up.into_iter().collect(), problems)
}
