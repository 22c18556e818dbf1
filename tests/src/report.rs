//! What tests tell people, whether they pass or not.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

/// How often each thing was seen.
pub type Counts = BTreeMap<String, usize>;

/// Writes a line that the test runner does not swallow.
pub fn say(line: &str) {
    // Where nobody listens, nothing is lost.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A message in one line, however wide the terminal that it was broken for.
#[must_use]
pub fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Latencies in words: the median, the 99th of a hundred, the longest.
///
/// # Panics
/// Where there are none.
#[must_use]
pub fn latencies(mut taken: Vec<Duration>) -> String {
    taken.sort_unstable();
    let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)];
    format!(
        "{} requests: p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        taken.len(),
        at(50),
        at(99),
        at(100)
    )
}

/// Counts equal things.
pub fn count(things: impl Iterator<Item = String>) -> Counts {
    let mut counts = Counts::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    counts
}

/// Says how often each thing was seen.
pub fn tell(title: &str, counts: &Counts) {
    say(&format!("{title}:"));
    for (thing, number) in counts {
        say(&format!("  {number:>5}  {thing}"));
    }
}
