//! The text of a YAML stream, and the conversion of byte offsets to lines and columns.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use crate::{MAX_TEXT, YamlError, YamlErrorKind};

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters, from 1.
    pub column: u32,
    /// The span in bytes.
    pub bytes: Range<usize>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text whose offsets fit into 32 bits.
#[derive(Debug)]
pub(crate) struct Source {
    text: Box<str>,
    /// The offset of each line; most texts never need them.
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, YamlError> {
        if bytes.len() > MAX_TEXT {
            return Err(error_at(&bytes[..0], YamlErrorKind::TooLong));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| error_at(&bytes[..error.valid_up_to()], YamlErrorKind::NotUtf8))?;
        if let Some(at) = bytes.iter().position(|&byte| is_forbidden(byte)) {
            let kind = YamlErrorKind::ControlCharacter(u32::from(bytes[at]));
            return Err(error_at(&bytes[..at], kind));
        }
        Ok(Self {
            text: text.into(),
            line_starts: OnceLock::new(),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the location of a span, clamped to the text.
    pub(crate) fn locate(&self, bytes: Range<usize>) -> Location {
        let end = self.text.floor_char_boundary(bytes.end);
        let start = self.text.floor_char_boundary(bytes.start.min(end));
        let starts = self.line_starts.get_or_init(|| line_starts(&self.text));
        let line = starts.partition_point(|&line_start| line_start as usize <= start);
        let line_start = starts[line - 1] as usize;
        let column = self.text[line_start..start]
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            + 1;
        Location {
            line: small(line),
            column: small(column),
            bytes: start..end.max(start),
        }
    }

    /// Returns a span without the blanks and line breaks at its end, which block scalars have.
    pub(crate) fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        range.start..range.start + text.trim_end().len()
    }

    /// Returns the line in which a location starts.
    pub(crate) fn line(&self, location: &Location) -> &str {
        let before = self.text.get(..location.bytes.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        self.text
            .get(start..self.line_end(location.bytes.start))
            .unwrap_or_default()
    }

    /// Returns the end of the line at an offset, without its line break.
    pub(crate) fn line_end(&self, offset: usize) -> usize {
        let rest = &self.text.as_bytes()[offset.min(self.text.len())..];
        let line = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(rest.len());
        offset + rest[..line].trim_ascii_end().len()
    }
}

/// Whether YAML 1.1, 5.1, forbids a byte: of the C0 block only tab and line breaks are printable.
fn is_forbidden(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f
}

fn line_starts(text: &str) -> Vec<u32> {
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    std::iter::once(0)
        .chain(breaks.map(|(at, _)| small(at + 1)))
        .collect()
}

/// Returns an error at the end of the valid part of a text.
fn error_at(sound: &[u8], kind: YamlErrorKind) -> YamlError {
    let line_start = sound
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = 1 + sound.iter().filter(|&&byte| byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(&sound[line_start..])
        .chars()
        .count();
    let bytes = sound.len()..sound.len();
    YamlError {
        kind,
        location: Location {
            line: small(line),
            column: small(column),
            bytes,
        },
    }
}

/// Converts an offset, line or column. It fits because a text has [`MAX_TEXT`] bytes at most.
pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
