//! The report for people: a notice for each finding, in the look of rustc, and one line at the end.

use std::io::{self, Write};

use super::super::notice::Notice;
use super::super::terminal::{BOLD, GREEN, RED, YELLOW, one_line};
use super::drafts;
use super::report::{Report, Summary};

/// Writes what was found to standard output, and what could not be read to standard error.
pub(super) fn write(report: &Report) -> io::Result<()> {
    let mut errors = anstream::stderr().lock();
    for problem in &report.problems {
        write!(errors, "{}", Notice::from(problem).render())?;
    }
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    for notice in drafts::notices(&report.checked) {
        write!(out, "{}", notice.render())?;
    }
    writeln!(out, "{}", summary(report))?;
    out.flush()
}

/// One line: what the check adds up to.
fn summary(report: &Report) -> String {
    let numbers = report.summary();
    let mut parts = vec![workloads(&numbers)];
    parts.extend(plural(numbers.other_objects, "other object"));
    parts.extend(plural(numbers.problems, "problem"));
    if let Some(number) = plural(report.unmatched.len(), "policy") {
        let names: Vec<_> = report.unmatched.iter().map(|name| name.as_str()).collect();
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
        None => "no workloads".to_owned(),
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
