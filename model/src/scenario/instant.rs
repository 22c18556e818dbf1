//! Instants as RFC 3339 text, refused in words that show one.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// An instant that must be there.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_str(Reader)
}

/// An instant that may be left out.
pub(super) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_option(OptionalReader)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instant such as 2026-03-02T10:00:00Z")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse()
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct OptionalReader;

impl<'de> Visitor<'de> for OptionalReader {
    type Value = Option<Timestamp>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Option<Timestamp>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        required(deserializer).map(Some)
    }
}
