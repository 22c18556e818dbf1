use std::collections::BTreeSet;

use super::*;

#[test]
fn decision_is_counted_with_four_labels() {
    let telemetry = Telemetry::default();
    let decided = PolicyDecision {
        policy: &"shop/probes".into(),
        verdict: VerdictLabel::Deny,
        change: "roll-forward",
        kind: "Deployment",
    };
    telemetry.decision(&decided);
    telemetry.decision(&decided);
    let text = telemetry.encode();
    let line = "rollgate_decisions_total{policy=\"shop/probes\",verdict=\"deny\",change=\"roll-forward\",kind=\"Deployment\"} 2";
    assert!(text.contains(line), "{text}");
}

#[test]
fn latencies_six_microseconds_apart_are_in_different_buckets() {
    let telemetry = Telemetry::default();
    telemetry.evaluation(&"a/b".into(), Duration::from_micros(12));
    telemetry.evaluation(&"a/b".into(), Duration::from_micros(18));
    let text = telemetry.encode();
    let bucket = |le: &str| {
        let start =
            format!("rollgate_evaluation_duration_seconds_bucket{{le=\"{le}\",policy=\"a/b\"}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(start.as_str()))
            .unwrap_or_else(|| panic!("no {start} in {text}"))
    };
    assert_eq!(
        (bucket("0.00001"), bucket("0.000015"), bucket("0.00002")),
        ("0", "1", "2")
    );
}

#[test]
fn failed_reload_stays_stale_until_one_succeeds() {
    let telemetry = Telemetry::default();
    telemetry.reload(ReloadSubject::Policies, ReloadOutcome::Failed);
    assert!(
        telemetry
            .encode()
            .contains("rollgate_reload_stale{subject=\"policies\"} 1")
    );
    telemetry.reload(ReloadSubject::Policies, ReloadOutcome::Ok);
    assert!(
        telemetry
            .encode()
            .contains("rollgate_reload_stale{subject=\"policies\"} 0")
    );
}

#[test]
fn request_is_in_flight_until_its_guard_is_dropped() {
    let telemetry = Telemetry::default();
    let guard = telemetry.in_flight();
    assert!(telemetry.encode().contains("rollgate_requests_in_flight 1"));
    drop(guard);
    assert!(telemetry.encode().contains("rollgate_requests_in_flight 0"));
}

/// Name, type and labels of a metric on the page.
type Promise = (String, String, BTreeSet<String>);

#[test]
fn metrics_page_lists_all_exposed_metrics() {
    let page = include_str!("../../../docs/metrics.md");
    let exposed = exposed(&everything().encode());
    assert_eq!(promised(page), exposed);
}

/// Records everything that is counted at least once.
fn everything() -> Telemetry {
    let telemetry = Telemetry::default();
    telemetry.decision(&PolicyDecision {
        policy: &"a/b".into(),
        verdict: VerdictLabel::Hold,
        change: "create",
        kind: "Deployment",
    });
    telemetry.evaluation(&"a/b".into(), Duration::from_micros(20));
    telemetry.error(&"a/b".into(), "trap");
    telemetry.review(ReviewOutcome::Held);
    telemetry.override_checked("passed");
    telemetry.event(EventOutcome::Written);
    telemetry.watch_error("RolloutPolicy");
    telemetry.request(200, Duration::from_micros(200));
    telemetry.policies(1, 0, 0);
    telemetry.cache(CacheUse::Used);
    telemetry.reload(ReloadSubject::Policies, ReloadOutcome::Ok);
    telemetry
}

/// Rows such as ``| `rollgate_reviews_total` | counter | `outcome` | ... |``.
fn promised(page: &str) -> BTreeSet<Promise> {
    let rows = page.lines().filter(|line| line.starts_with("| `rollgate_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let quoted = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let name: Vec<String> = quoted(cells[1]);
        (
            name[0].clone(),
            cells[2].to_owned(),
            BTreeSet::from_iter::<Vec<_>>(quoted(cells[3])),
        )
    })
    .collect()
}

fn exposed(text: &str) -> BTreeSet<Promise> {
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    families
        .map(|family| {
            let (name, kind) = family.split_once(' ').expect("a name and a type");
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (
                format!("{name}{suffix}"),
                kind.to_owned(),
                labels_of(name, text),
            )
        })
        .collect()
}

/// The labels of a family's samples, without those that only histograms have.
fn labels_of(family: &str, text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| line.starts_with(family));
    let sets = samples.filter_map(|sample| sample.split_once('{')?.1.split_once('}'));
    let names = sets.flat_map(|(set, _)| set.split(',').filter_map(|label| label.split_once('=')));
    names
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "le")
        .collect()
}
