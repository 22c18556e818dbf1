//! The names that controllers give to the Pods of a workload.
//!
//! A Deployment or Rollout has ReplicaSets `NAME-HASH`, whose Pods are `NAME-HASH-RANDOM`; the Pods
//! of a DaemonSet are `NAME-RANDOM`, those of a StatefulSet `NAME-ORDINAL`. Of a name that the API
//! server generates (all but the last) it cuts what stands before the random part to 58 characters
//! (`k8s.io/apiserver/pkg/storage/names`), so that of a long name the hash is cut, then the `-`
//! before it, then the name.

use std::fmt;

use crate::Kind;
use crate::template::escape_regex;

/// The maximum length of a generated name before its random part.
const LONGEST_BASE: usize = 58;

/// The random part: no vowels, and no characters that look like one
/// (`k8s.io/apimachinery/pkg/util/rand`).
const RANDOM: &str = "[bcdfghjklmnpqrstvwxz2456789]{5}";

/// One character of a template's hash: a decimal digit of a 32-bit number in the same alphabet.
const HASH: &str = "[4-9bcdf]";

/// The minimum length of a hash. Nine in 400,000 templates have a shorter one; about as many as
/// there are names such as `web-db` that would be mistaken for a hash.
const SHORTEST_HASH: usize = 6;
const LONGEST_HASH: usize = 10;

/// A name so long that the Pods' names contain only what other workloads' Pods may share.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong {
    kind: String,
    length: usize,
}

/// Returns a regular expression for the names of the workload's Pods. It does not match those of a
/// workload whose name merely starts with the same characters.
///
/// # Errors
/// The name is so long that the Pods' names do not identify the workload.
pub fn pattern(kind: &Kind, name: &str) -> Result<String, TooLong> {
    let endings = match kind {
        Kind::StatefulSet => vec![ORDINAL.to_owned()],
        Kind::DaemonSet => of_daemon_set(name),
        Kind::Deployment | Kind::Rollout => of_replica_sets(name),
        // A Service has no Pods of its own; most have the name of the workload behind them.
        _ => [of_replica_sets(name), of_daemon_set(name)]
            .concat()
            .into_iter()
            .chain([ORDINAL.to_owned()])
            .collect(),
    };
    if endings.is_empty() {
        return Err(TooLong {
            kind: kind.to_string(),
            length: name.len(),
        });
    }
    Ok(format!("{}-({})", escape_regex(name), endings.join("|")))
}

const ORDINAL: &str = "[0-9]+";

fn of_daemon_set(name: &str) -> Vec<String> {
    let whole = name.len() < LONGEST_BASE;
    whole.then(|| RANDOM.to_owned()).into_iter().collect()
}

/// Matches the whole hash and the `-` after it where they fit, else as much of the hash as fits.
fn of_replica_sets(name: &str) -> Vec<String> {
    let room = LONGEST_BASE.saturating_sub(name.len() + 1);
    let longest_whole = LONGEST_HASH.min(room.saturating_sub(1));
    let whole = (longest_whole >= SHORTEST_HASH)
        .then(|| format!("{HASH}{{{SHORTEST_HASH},{longest_whole}}}-{RANDOM}"));
    let cut = (1..=LONGEST_HASH)
        .contains(&room)
        .then(|| format!("{HASH}{{{room}}}{RANDOM}"));
    whole.into_iter().chain(cut).collect()
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {}'s name has {} characters, and Kubernetes truncates the names of its Pods so much that \
             they do not identify the workload: select its series by other labels in the check's \
             `matchers`",
            self.kind, self.length
        )
    }
}

impl std::error::Error for TooLong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_of_a_short_name_has_the_whole_hash() {
        assert_eq!(
            pattern(&Kind::Deployment, "web").as_deref(),
            Ok("web-([4-9bcdf]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5})")
        );
        assert_eq!(
            pattern(&Kind::Rollout, &"a".repeat(46)),
            pattern(&Kind::Deployment, &"a".repeat(46))
        );
    }

    #[test]
    fn pod_of_a_long_name_has_part_of_the_hash() {
        let ending = |length| {
            let name = "a".repeat(length);
            let pattern = pattern(&Kind::Deployment, &name).expect("some room");
            pattern.replace(&name, "").replace(RANDOM, "R")
        };
        assert_eq!(ending(46), "-([4-9bcdf]{6,10}-R)");
        assert_eq!(ending(47), "-([4-9bcdf]{6,9}-R|[4-9bcdf]{10}R)");
        assert_eq!(ending(50), "-([4-9bcdf]{6,6}-R|[4-9bcdf]{7}R)");
        assert_eq!(ending(51), "-([4-9bcdf]{6}R)");
        assert_eq!(ending(56), "-([4-9bcdf]{1}R)");
    }

    #[test]
    fn name_that_leaves_no_room_for_a_hash_is_refused_except_with_ordinals() {
        let name = |length| "a".repeat(length);
        for (kind, longest) in [
            (Kind::Deployment, 56),
            (Kind::Rollout, 56),
            (Kind::DaemonSet, 57),
        ] {
            assert!(pattern(&kind, &name(longest)).is_ok(), "{kind}");
            assert!(pattern(&kind, &name(longest + 1)).is_err(), "{kind}");
        }
        assert!(pattern(&Kind::StatefulSet, &name(200)).is_ok());
    }

    #[test]
    fn name_is_matched_literally() {
        assert_eq!(
            pattern(&Kind::StatefulSet, "db.v2").as_deref(),
            Ok(r"db\.v2-([0-9]+)")
        );
    }
}
