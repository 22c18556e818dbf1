//! Image tags that may be moved to another image.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The tags that are known to move: `latest`, which is also implied where an image has neither tag
/// nor digest, and those that an operator adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MutableTags(Arc<[TagPattern]>);

/// A tag, or a pattern in which `*` matches any characters, such as `*-snapshot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPattern(String);

/// The error for a text that is no pattern of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no tag of an image: letters, digits, `_`, `.` and `-`, and `*` for any characters, such as `main` or `*-snapshot`"
)]
pub struct BadTag(pub String);

impl MutableTags {
    /// Whether this tag may be moved to another image.
    #[must_use]
    pub fn contain(&self, tag: &str) -> bool {
        tag == "latest" || self.0.iter().any(|pattern| pattern.matches(tag))
    }
}

impl FromIterator<TagPattern> for MutableTags {
    fn from_iter<I: IntoIterator<Item = TagPattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl TagPattern {
    fn matches(&self, tag: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return self.0 == tag;
        };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let inner = tag
            .strip_prefix(start)
            .and_then(|tag| tag.strip_suffix(end));
        let mut parts = middle.split('*');
        inner
            .and_then(|inner| {
                parts.try_fold(inner, |left, part| {
                    left.split_once(part).map(|(_, after)| after)
                })
            })
            .is_some()
    }
}

impl FromStr for TagPattern {
    type Err = BadTag;

    fn from_str(text: &str) -> Result<Self, BadTag> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-*".contains(&byte);
        if text.is_empty() || !text.bytes().all(fits) {
            return Err(BadTag(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, tag: &str) -> bool {
        pattern
            .parse::<TagPattern>()
            .expect("a pattern")
            .matches(tag)
    }

    #[test]
    fn star_matches_any_characters() {
        for (pattern, tag) in [
            ("main", "main"),
            ("*-snapshot", "1.2-snapshot"),
            ("*-snapshot", "-snapshot"),
            ("pr-*", "pr-17"),
            ("*", "anything"),
            ("a*b*c", "abc"),
            ("a*b*c", "a1b2b3c"),
            ("**", ""),
        ] {
            assert!(matches(pattern, tag), "{pattern} {tag}");
        }
        for (pattern, tag) in [
            ("main", "main-2"),
            ("main", "Main"),
            ("*-snapshot", "1.2-snapshot1"),
            ("pr-*", "apr-17"),
            ("a*b*c", "ac"),
            ("ab*ba", "aba"),
            ("a*b*b", "ab"),
        ] {
            assert!(!matches(pattern, tag), "{pattern} {tag}");
        }
    }

    #[test]
    fn latest_is_always_mutable() {
        let set: MutableTags = ["main".parse().expect("a tag")].into_iter().collect();
        assert!(set.contain("latest") && set.contain("main") && !set.contain("1.2"));
        assert!(MutableTags::default().contain("latest"));
    }

    #[test]
    fn invalid_tag_pattern_is_refused() {
        for text in ["", "a b", "main:latest", "shop/web", "{a,b}", "é"] {
            assert!(text.parse::<TagPattern>().is_err(), "{text}");
        }
    }
}
