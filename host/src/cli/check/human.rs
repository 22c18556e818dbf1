//! The report for people: notices formatted like rustc's diagnostics, and a summary line.

use std::io::{self, Write};

use annotate_snippets::Renderer;
use rayon::prelude::*;

use super::super::notice::{Notice, NoticeLevel, look};
use super::super::output;
use super::super::terminal::{BOLD, GREEN, RED, YELLOW, one_line};
use super::notices;
use super::report::{Report, Summary};
use crate::config::PolicyName;

/// Writes findings to standard output and problems to standard error. If one stream is closed, the
/// other is still written.
pub(super) fn write(report: &Report) -> io::Result<()> {
    output::both(write_problems(report), write_findings(report))
}

fn write_problems(report: &Report) -> io::Result<()> {
    let errors = io::stderr().lock();
    let warnings = report.warnings.iter().map(|warning| Notice {
        level: NoticeLevel::Warning,
        ..Notice::from(warning)
    });
    let problems = report.problems.iter().map(Notice::from);
    let notices: Vec<_> = problems.chain(warnings).collect();
    write_all(&notices, &look(&errors), errors)
}

fn write_findings(report: &Report) -> io::Result<()> {
    let out = io::stdout().lock();
    let findings = notices::notices(&report.checked);
    write_all(&findings, &look(&out), out)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", summary(report))?;
    if let Some(line) = not_seen(report) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// The notices that are rendered before they are written.
const BATCH: usize = 512;

/// Renders notices on all cores and writes them in order.
fn write_all(notices: &[Notice<'_>], look: &Renderer, mut out: impl Write) -> io::Result<()> {
    for batch in notices.chunks(BATCH) {
        let rendered: Vec<String> = batch.par_iter().map(|notice| notice.render(look)).collect();
        rendered
            .iter()
            .try_for_each(|notice| out.write_all(notice.as_bytes()))?;
    }
    out.flush()
}

/// Returns the summary line.
fn summary(report: &Report) -> String {
    let numbers = report.summary();
    let mut parts = vec![workloads(&numbers)];
    parts.extend(plural(numbers.other_objects, "other object"));
    parts.extend(plural(numbers.problems, "problem"));
    // Without workloads nothing could match.
    if numbers.workloads > 0
        && let Some(number) = plural(report.unmatched.len(), "policy")
    {
        let names: Vec<_> = report.unmatched.iter().map(PolicyName::as_str).collect();
        parts.push(format!(
            "{number} matched nothing: {}",
            one_line(&names.join(", "))
        ));
    }
    parts.join("; ")
}

/// Returns the line about what policies asked for in vain, so that nobody takes a rule that could not be
/// applied for one that found nothing.
fn not_seen(report: &Report) -> Option<String> {
    let kinds: Vec<_> = report.not_seen.iter().map(|it| it.kind.as_str()).collect();
    (!kinds.is_empty()).then(|| {
        format!(
            "not seen in the manifests, so not evaluated: {}",
            one_line(&kinds.join(", "))
        )
    })
}

fn workloads(numbers: &Summary) -> String {
    let standing = [
        (numbers.may_go, "may go", GREEN),
        (numbers.no_rollout, "start no rollout", BOLD),
        (numbers.denied, "denied", RED),
        (numbers.held, "held", YELLOW),
        (numbers.not_judged, "not evaluated", RED),
    ];
    let parts: Vec<_> = standing
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, style)| format!("{style}{number} {what}{style:#}"))
        .collect();
    match plural(numbers.workloads, "workload") {
        Some(workloads) => format!("{workloads}: {}", parts.join(", ")),
        None => "no workloads, so nothing was evaluated".to_owned(),
    }
}

/// Returns a number with its noun, or `None` for zero.
fn plural(number: usize, what: &str) -> Option<String> {
    match (number, what.strip_suffix('y')) {
        (0, _) => None,
        (1, _) => Some(format!("1 {what}")),
        (_, Some(stem)) => Some(format!("{number} {stem}ies")),
        (_, None) => Some(format!("{number} {what}s")),
    }
}
