//! Structured logs on stderr.

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

/// The number of lines to buffer while the reader of stderr stalls. Further lines are dropped.
const BUFFERED_LINES: usize = 16_384;

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// What is logged: a level for rollgate itself, or `target=level` pairs with commas between.
///
/// A bare level leaves other crates at `warn`. Otherwise their `debug` lines would bury ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter(Targets);

impl Default for Filter {
    fn default() -> Self {
        Self::of(LevelFilter::INFO)
    }
}

impl Filter {
    fn of(level: LevelFilter) -> Self {
        let others = level.min(LevelFilter::WARN);
        Self(
            Targets::new()
                .with_default(others)
                .with_target("rollgate", level),
        )
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        // An empty LOG_LEVEL counts as not set.
        if text.is_empty() {
            return Ok(Self::default());
        }
        if let Ok(level) = text.parse::<LevelFilter>() {
            return Ok(Self::of(level));
        }
        // A word without a level would count as a target, so a mistyped level would disable all lines.
        let known = |part: &str| {
            part.contains('=') || (!part.is_empty() && part.parse::<LevelFilter>().is_ok())
        };
        let targets = text.split(',').all(known).then(|| text.parse().ok());
        targets
            .flatten()
            .map(Self)
            .ok_or_else(|| FilterError(text.to_owned()))
    }
}

/// An unknown log level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no log level: use error, warn, info, debug, trace or off, or pairs such as `info,rollgate=debug`"
)]
pub(crate) struct FilterError(String);

/// Writes the buffered lines when it is dropped. Keep it until the process ends.
#[derive(Debug)]
#[must_use = "dropping the guard stops the log"]
pub(crate) struct Guard {
    dropped: Dropped,
    _worker: WorkerGuard,
}

impl Guard {
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped.clone()
    }
}

/// Counts the dropped lines.
#[derive(Clone, Debug)]
pub(super) struct Dropped(ErrorCounter);

impl Dropped {
    pub(super) fn lines(&self) -> u64 {
        self.0.dropped_lines() as u64
    }
}

/// Writes the log to stderr on a thread of its own.
///
/// # Errors
/// If a subscriber is installed already.
pub(crate) fn init(
    filter: Filter,
    format: Format,
) -> Result<Guard, tracing_subscriber::util::TryInitError> {
    let (writer, worker) = stderr();
    let dropped = Dropped(writer.error_counter());
    subscriber(filter, format, writer).try_init()?;
    Ok(Guard {
        dropped,
        _worker: worker,
    })
}

fn stderr() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("rollgate-log")
        .finish(std::io::stderr())
}

fn subscriber<W>(filter: Filter, format: Format, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match format {
        Format::Text => layer
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        Format::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
    };
    registry().with(layer.with_filter(filter.0))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn bare_level_leaves_other_crates_at_warn() {
        let Filter(targets) = "debug".parse().expect("a level");
        assert!(targets.would_enable("rollgate::server", &Level::DEBUG));
        assert!(!targets.would_enable("hyper::proto", &Level::INFO));
        assert!(targets.would_enable("hyper::proto", &Level::WARN));
    }

    #[test]
    fn pairs_set_each_target() {
        let Filter(targets) = "warn,rollgate::server=trace".parse().expect("pairs");
        assert!(targets.would_enable("rollgate::server::tls", &Level::TRACE));
        assert!(!targets.would_enable("rollgate::engine", &Level::INFO));
    }

    #[test]
    fn unknown_level_is_refused_with_the_known_ones() {
        for text in ["loud", "loud=very", "info,loud", "info,"] {
            let error = text.parse::<Filter>().expect_err(text);
            assert_eq!(
                error.to_string(),
                format!(
                    "`{text}` is no log level: use error, warn, info, debug, trace or off, \
                     or pairs such as `info,rollgate=debug`"
                )
            );
        }
    }

    #[test]
    fn json_line_has_its_fields_at_the_top_level() {
        let lines = Lines::default();
        tracing::subscriber::with_default(
            subscriber(Filter::default(), Format::Json, lines.clone()),
            || {
                tracing::info!(target: "rollgate::test", uid = "u-1", "denied");
            },
        );
        let line: serde_json::Value = serde_json::from_str(&lines.text()).expect("a JSON line");
        assert_eq!(
            (line["message"].as_str(), line["uid"].as_str()),
            (Some("denied"), Some("u-1"))
        );
    }

    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("unpoisoned").clone()).expect("UTF-8")
        }
    }

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
}
