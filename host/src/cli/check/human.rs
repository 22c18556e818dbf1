//! The report for people: a notice for each finding, in the look of rustc, and one line at the end.

use std::io::{self, Write};

use annotate_snippets::Renderer;
use rayon::prelude::*;

use super::super::notice::{Notice, Tone, look};
use super::super::output;
use super::super::terminal::{BOLD, GREEN, RED, YELLOW, one_line};
use super::drafts;
use super::report::{Report, Summary};
use crate::config::PolicyName;

/// Writes what was found to standard output, and what could not be read to standard error. A
/// stream that takes nothing more does not keep the other from being written.
pub(super) fn write(report: &Report) -> io::Result<()> {
    output::both(write_problems(report), write_findings(report))
}

fn write_problems(report: &Report) -> io::Result<()> {
    let errors = io::stderr().lock();
    let warnings = report.warnings.iter().map(|warning| Notice {
        tone: Tone::Warning,
        ..Notice::from(warning)
    });
    let problems = report.problems.iter().map(Notice::from);
    let notices: Vec<_> = problems.chain(warnings).collect();
    write_all(&notices, &look(&errors), errors)
}

fn write_findings(report: &Report) -> io::Result<()> {
    let out = io::stdout().lock();
    let findings = drafts::notices(&report.checked);
    write_all(&findings, &look(&out), out)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", summary(report))?;
    out.flush()
}

/// Notices drawn at once, so that few wait to be written.
const BATCH: usize = 512;

/// Draws notices on all cores and writes them in their order.
fn write_all(notices: &[Notice<'_>], look: &Renderer, mut out: impl Write) -> io::Result<()> {
    for batch in notices.chunks(BATCH) {
        let drawn: Vec<String> = batch.par_iter().map(|notice| notice.render(look)).collect();
        drawn
            .iter()
            .try_for_each(|notice| out.write_all(notice.as_bytes()))?;
    }
    out.flush()
}

/// One line: what the check adds up to.
fn summary(report: &Report) -> String {
    let numbers = report.summary();
    let mut parts = vec![workloads(&numbers)];
    parts.extend(plural(numbers.other_objects, "other object"));
    parts.extend(plural(numbers.problems, "problem"));
    if let Some(number) = plural(report.unmatched.len(), "policy") {
        let names: Vec<_> = report.unmatched.iter().map(PolicyName::as_str).collect();
        parts.push(format!(
            "{number} matched nothing: {}",
            one_line(&names.join(", "))
        ));
    }
    parts.join("; ")
}

fn workloads(numbers: &Summary) -> String {
    let standing = [
        (numbers.may_go, "may go", GREEN),
        (numbers.no_rollout, "start no rollout", BOLD),
        (numbers.denied, "denied", RED),
        (numbers.held, "held", YELLOW),
        (numbers.not_judged, "not judged", RED),
    ];
    let parts: Vec<_> = standing
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, style)| format!("{style}{number} {what}{style:#}"))
        .collect();
    match plural(numbers.workloads, "workload") {
        Some(workloads) => format!("{workloads}: {}", parts.join(", ")),
        None => "no workloads, so nothing was judged".to_owned(),
    }
}

/// A number of things, or nothing where there are none.
fn plural(number: usize, what: &str) -> Option<String> {
    match (number, what.strip_suffix('y')) {
        (0, _) => None,
        (1, _) => Some(format!("1 {what}")),
        (_, Some(stem)) => Some(format!("{number} {stem}ies")),
        (_, None) => Some(format!("{number} {what}s")),
    }
}
