//! Manifests of other people's linters and of a real shop, through `rollgate check`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rollgate_tests::corpus::corpus;
use rollgate_tests::report::{Counts, count, say, tell};
use rollgate_tests::server::binary;
use serde_json::{Value, json};

#[test]
fn every_manifest_file_is_counted_alone_and_with_the_others() {
    let Some(corpus) = corpus() else { return };
    let (folder, mut files) = (corpus.join("manifests"), Vec::new());
    find(&folder, &mut files);
    assert!(files.len() > 100, "{} files", files.len());
    let mut sum = Counts::new();
    let mut ends = Counts::new();
    for file in &files {
        let report = check(file);
        let summary = summary(&report);
        assert!(summary.values().sum::<usize>() > 0, "{}", file.display());
        *ends
            .entry(format!("exit {}", report["exitCode"]))
            .or_default() += 1;
        for (name, number) in summary {
            *sum.entry(name).or_default() += number;
        }
    }
    let together = check(&folder);
    assert_eq!(summary(&together), sum);
    named(&together, &files);
    say(&format!("{} files", files.len()));
    tell("alone", &ends);
    tell("all", &sum);
    tell("rules", &rules(&together));
}

#[test]
fn manifests_of_the_shop_are_read_without_a_problem() {
    let Some(corpus) = corpus() else { return };
    let report = check(&corpus.join("manifests/microservices-demo"));
    assert_eq!(report["problems"], json!([]));
    let workloads = report["workloads"].as_array().expect("a list");
    assert!(
        workloads
            .iter()
            .all(|workload| workload["kind"] == "Deployment" || workload["kind"] == "Service"),
        "{report}"
    );
    let text: String = yaml(&corpus.join("manifests/microservices-demo")).collect();
    let written = text.lines().filter(|line| *line == "kind: Deployment");
    let read = workloads
        .iter()
        .filter(|workload| workload["kind"] == "Deployment");
    assert_eq!(read.count(), written.count());
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{folder:?}: {error}"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            files.push(path);
        }
    }
}

fn yaml(folder: &Path) -> impl Iterator<Item = String> {
    let mut files = Vec::new();
    find(folder, &mut files);
    files
        .into_iter()
        .map(|file| fs::read_to_string(file).expect("a text"))
}

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/probes-policy.yaml");

/// Runs `rollgate check` with the policy `probes`, which looks at one object at a time, and holds its exit code against its report.
fn check(path: &Path) -> Value {
    let output = Command::new(binary())
        .args(["check", "--format", "json", "--policies", POLICY])
        .arg(path)
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{path:?}: {error}: {errors}"));
    let summary = summary(&report);
    let wanted = match (
        summary["problems"] + summary["notJudged"],
        summary["denied"] + summary["held"],
    ) {
        (0, 0) => 0,
        (0, _) => 1,
        _ => 2,
    };
    assert_eq!(output.status.code(), Some(wanted), "{path:?}: {errors}");
    assert_eq!(report["exitCode"], wanted, "{path:?}");
    report
}

fn summary(report: &Value) -> Counts {
    let summary = report["summary"].as_object().expect("a summary");
    let number = |value: &Value| value.as_u64().and_then(|value| value.try_into().ok());
    summary
        .iter()
        .map(|(name, value)| (name.clone(), number(value).expect("a number")))
        .collect()
}

/// Whatever is told of a file is told of one of these, at a line that it has.
fn named(report: &Value, files: &[PathBuf]) {
    let items = |field: &str| report[field].as_array().expect("a list").iter();
    let findings = items("workloads")
        .flat_map(|workload| workload["policies"].as_array().expect("a list"))
        .flat_map(|policy| policy["findings"].as_array().expect("a list"));
    for place in items("workloads").chain(items("problems")).chain(findings) {
        let path = place["file"].as_str().map(PathBuf::from).expect("a file");
        assert!(files.contains(&path), "{place}");
        let lines = fs::read(&path)
            .expect("it is there")
            .split(|byte| *byte == b'\n')
            .count();
        let line = place["line"].as_u64().unwrap_or(1);
        assert!(
            (1..=lines).contains(&usize::try_from(line).expect("a line")),
            "{place}"
        );
    }
}

fn rules(report: &Value) -> Counts {
    let workloads = report["workloads"].as_array().expect("a list").iter();
    let policies = workloads.flat_map(|workload| workload["policies"].as_array().expect("a list"));
    let findings = policies.flat_map(|policy| policy["findings"].as_array().expect("a list"));
    let words = |value: &Value| value.as_str().expect("a word").to_owned();
    count(findings.map(|finding| {
        format!(
            "{} ({})",
            words(&finding["rule"]),
            words(&finding["severity"])
        )
    }))
}
