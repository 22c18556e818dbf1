//! What the fuzzer of this policy calls, and a test that replays its corpus.

use rollgate_sdk::serde_json::{Value, from_slice, json};
use rollgate_sdk::testing::{Case, configure};
use rollgate_sdk::{Outcome, Verdict, jiff::Timestamp};

use crate::TimeWindow;

/// Evaluates a rollout with settings, which are JSON text. A hold ends after the time of the evaluation,
/// and at its end the rollout is allowed.
pub fn settings(text: &[u8]) {
    let Ok(settings) = from_slice::<Value>(text) else {
        return;
    };
    if configure::<TimeWindow>(settings.clone()).is_err() {
        return;
    }
    // Beside changes of the clock in Europe, and at the end of a leap day.
    for now in [
        "2026-03-29T00:59:59Z",
        "2026-10-25T01:30:00Z",
        "2028-02-29T23:59:59.5Z",
    ] {
        let Some(Outcome::Hold(Some(until))) = outcome(&settings, now) else {
            continue;
        };
        let now: Timestamp = now.parse().expect("an instant");
        assert!(until > now, "held at {now} until {until}");
        let then = outcome(&settings, &until.to_string());
        assert_eq!(then, Some(Outcome::Allow), "held at {now} until {until}");
    }
}

/// Returns `None` if the evaluation failed.
fn outcome(settings: &Value, now: &str) -> Option<Outcome> {
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "cart:1"}]}}},
    });
    let case = Case::create(object).settings(settings.clone()).now(now);
    let verdict: Result<Verdict, _> = case.evaluate::<TimeWindow>();
    verdict.ok().map(|verdict| verdict.outcome)
}

#[cfg(test)]
mod tests {
    #[test]
    fn hold_ends_when_the_rollout_may_go_for_the_whole_corpus() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/settings");
        let entries = std::fs::read_dir(folder).expect("the corpus is in the repository");
        let mut count = 0;
        for entry in entries {
            super::settings(&std::fs::read(entry.expect("it can be read").path()).expect("a file"));
            count += 1;
        }
        assert!(count > 0, "the corpus is empty");
    }
}
