//! Texts in which `*` stands for any characters.

/// A text, or a pattern in which `*` matches any characters, such as `*-snapshot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Parses a tag of an image, or a pattern of tags.
    ///
    /// # Errors
    /// No tag has such characters.
    pub fn of_tag(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-*".contains(&byte);
        if !text.is_empty() && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err([
            "`",
            text,
            "` is no tag; write letters, digits, `_`, `.` and `-`, and `*` for any characters, such \
             as main or *-snapshot",
        ]
        .concat())
    }

    /// Returns the pattern of one part of an image's name.
    pub(crate) fn of_part(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let start = parts.next().unwrap_or_default();
        let Some(end) = parts.next_back() else {
            return text == start;
        };
        let Some(mut left) = text
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
        else {
            return false;
        };
        // The first place of each part is the best: it leaves most for the next ones.
        for part in parts {
            let Some((_, after)) = left.split_once(part) else {
                return false;
            };
            left = after;
        }
        true
    }
}
