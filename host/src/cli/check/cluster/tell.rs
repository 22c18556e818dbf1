//! What a cluster answered, for people and for programs.

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;

use super::super::super::terminal::{GREEN, RED, YELLOW, one_line};
use super::super::super::{Exit, output};
use super::super::{Format, write_json};
use super::ask::{Answer, Asked, Registered};
use crate::config::Problem;

/// The version of the format for programs. Within a version, fields are only added.
const VERSION: u32 = 1;

/// All that was answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    version: u32,
    summary: Summary,
    exit_code: u8,
    workloads: Vec<Workload>,
    /// What could not be asked as a whole.
    problems: Vec<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    workloads: usize,
    may_go: usize,
    held: usize,
    denied: usize,
    unknown: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Workload {
    api_version: &'static str,
    kind: &'static str,
    namespace: String,
    name: String,
    result: Standing,
    held_until: Option<Timestamp>,
    /// Why it may not go, or why that is not known: the words that `kubectl` would show.
    message: Option<String>,
    warnings: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    MayGo,
    Held,
    Denied,
    Unknown,
}

impl Document {
    pub(super) fn of(asked: Vec<Asked>, registered: Registered, unlisted: &[Problem]) -> Self {
        let mut problems: Vec<_> = unlisted.iter().map(ToString::to_string).collect();
        problems.extend(match registered {
            Registered::Yes => None,
            Registered::No => Some(
                "no webhook of rollgate is registered in this cluster, so nobody was asked",
            ),
            Registered::Unknown => Some(
                "whether rollgate is registered here is not known, since you may not list validatingwebhookconfigurations; where it is not, all may go",
            ),
        }.map(str::to_owned));
        let workloads: Vec<_> = asked.into_iter().map(Workload::of).collect();
        let number = |standing| {
            let standings = workloads.iter().map(|workload| workload.result);
            standings.filter(|one| *one == standing).count()
        };
        let summary = Summary {
            workloads: workloads.len(),
            may_go: number(Standing::MayGo),
            held: number(Standing::Held),
            denied: number(Standing::Denied),
            unknown: number(Standing::Unknown),
        };
        let unsure = registered == Registered::No || !unlisted.is_empty() || summary.unknown > 0;
        let exit = match (unsure, summary.held + summary.denied) {
            (true, _) => Exit::Incomplete,
            (false, 0) => Exit::Passed,
            (false, _) => Exit::Found,
        };
        Self {
            version: VERSION,
            summary,
            exit_code: exit.code(),
            workloads,
            problems,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.exit_code {
            0 => Exit::Passed,
            1 => Exit::Found,
            _ => Exit::Incomplete,
        }
    }
}

impl Workload {
    fn of(asked: Asked) -> Self {
        let (result, held_until, message) = match asked.answer {
            Answer::MayGo => (Standing::MayGo, None, None),
            Answer::Held { until, why } => (Standing::Held, Some(until), Some(why)),
            Answer::Denied { why } => (Standing::Denied, None, Some(why)),
            Answer::Unknown { why } => (Standing::Unknown, None, Some(why)),
        };
        Self {
            api_version: asked.live.kind.api_version(),
            kind: asked.live.kind.as_str(),
            namespace: asked.live.namespace,
            name: asked.live.name,
            result,
            held_until,
            message,
            warnings: asked.warnings,
        }
    }
}

/// Writes what was answered.
///
/// # Errors
/// The output is not taken.
pub(super) fn write(document: &Document, format: Format) -> io::Result<()> {
    match format {
        Format::Json => write_json(document),
        Format::Human => output::both(problems(document), answers(document)),
    }
}

fn problems(document: &Document) -> io::Result<()> {
    let mut errors = anstream::stderr().lock();
    for problem in &document.problems {
        writeln!(errors, "{YELLOW}warning{YELLOW:#}: {}", one_line(problem))?;
    }
    errors.flush()
}

fn answers(document: &Document) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for workload in &document.workloads {
        workload.write(&mut out)?;
    }
    writeln!(out, "{}", document.summary.line())?;
    out.flush()
}

impl Workload {
    fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        let (style, word) = match self.result {
            Standing::MayGo => (GREEN, "may go"),
            Standing::Held => (YELLOW, "held"),
            Standing::Denied => (RED, "denied"),
            Standing::Unknown => (RED, "not known"),
        };
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        writeln!(out, "{style}{word}{style:#}: {kind} {namespace}/{name}")?;
        let message = self.message.iter().flat_map(|message| message.lines());
        for line in message.filter(|line| !line.is_empty()) {
            writeln!(out, "    {}", one_line(line))?;
        }
        for warning in &self.warnings {
            writeln!(out, "    {YELLOW}warning{YELLOW:#}: {}", one_line(warning))?;
        }
        Ok(())
    }
}

impl Summary {
    fn line(&self) -> String {
        let parts = [
            (self.may_go, "may go"),
            (self.held, "held"),
            (self.denied, "denied"),
            (self.unknown, "not known"),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        match self.workloads {
            0 => "no workloads, so nothing was judged".to_owned(),
            1 => format!("1 workload: {}", parts.join(", ")),
            number => format!("{number} workloads: {}", parts.join(", ")),
        }
    }
}
