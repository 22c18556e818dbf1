//! JSON text for guests, of limited length: a guest without room for it must not make the host write it.

use std::io::{self, Write};

use serde::Serialize;

/// The text would be longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Writes a value as JSON, unless that takes more than `most` bytes.
pub(super) fn text_of_at_most(value: &impl Serialize, most: usize) -> Result<String, TooLong> {
    let mut text = Bounded {
        written: Vec::new(),
        most,
    };
    // A tree of JSON values can be written; nothing else fails.
    serde_json::to_writer(&mut text, value).map_err(|_| TooLong)?;
    Ok(String::from_utf8(text.written).expect("serde_json writes UTF-8"))
}

struct Bounded {
    written: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.most - self.written.len() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_that_fits_is_that_of_the_value() {
        let value = json!({ "name": "cärt", "replicas": [1, null] });
        let text = value.to_string();
        assert_eq!(text_of_at_most(&value, text.len()), Ok(text));
    }

    #[test]
    fn text_that_does_not_fit_is_refused() {
        let value = json!({ "name": "cart" });
        let length = value.to_string().len();
        assert_eq!(text_of_at_most(&value, length - 1), Err(TooLong));
        assert_eq!(text_of_at_most(&value, 0), Err(TooLong));
    }
}
