//! The patterns of `mutableTags` mean the same as those of `--mutable-tags`, by which a restart is
//! classified.

use rollgate_model::{MutableTags, TagPattern};
use rollgate_policy_images::pattern::Pattern;

const PATTERNS: &[&str] = &[
    "main",
    "*-snapshot",
    "pr-*",
    "*",
    "a*b*c",
    "**",
    "ab*ba",
    "a*b*b",
    "*a*",
    "a**b",
    "*.*.*-dev",
];

const TAGS: &[&str] = &[
    "main",
    "main-2",
    "Main",
    "1.2-snapshot",
    "-snapshot",
    "1.2-snapshot1",
    "pr-17",
    "apr-17",
    "abc",
    "a1b2b3c",
    "ac",
    "aba",
    "abba",
    "ab",
    "abb",
    "a",
    "b",
    "1.2.3-dev",
    "1.2-dev",
    "",
];

#[test]
fn patterns_of_policy_and_host_match_the_same_tags() {
    for pattern in PATTERNS {
        let host: TagPattern = pattern.parse().expect("a pattern");
        let host: MutableTags = [host].into_iter().collect();
        let policy = Pattern::of_tag(pattern).expect("a pattern");
        for tag in TAGS {
            assert_eq!(policy.matches(tag), host.contain(tag), "{pattern} {tag}");
        }
    }
}

#[test]
fn policy_and_host_refuse_the_same_patterns() {
    for text in [
        "",
        "a b",
        "main:latest",
        "shop/web",
        "{a,b}",
        "\u{e9}",
        "main",
        "v1.2_3-*",
    ] {
        let host = text.parse::<TagPattern>().is_ok();
        assert_eq!(Pattern::of_tag(text).is_ok(), host, "{text}");
    }
}
