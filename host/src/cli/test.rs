//! `rollgate test`: runs scenarios in the engine that `serve` uses.

mod plan;
mod run;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollgate_model::scenario::{Scenario, ScenarioError, is_scenario};
use rollgate_yaml::Location;

use super::inputs::{Input, Named};
use super::notice::{Notice, look};
use super::terminal::{GREEN, RED, one_line};
use super::{Exit, output, policies};
use crate::config::Problem;
use plan::Plans;
use run::Runner;

/// Run scenarios against a policy and compare the verdicts with those expected
///
/// Exits with 0 when all pass, 1 when one fails, and 2 when something could not be read or a path
/// holds no scenario.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files, and folders of them
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Take the policies from here: a scenario's `policy` names one, unless there is only one
    #[arg(long, value_name = "PATH", conflicts_with = "module")]
    policies: Vec<PathBuf>,

    /// Run every scenario with this module: a `.wasm` file, or the name of a bundled policy
    #[arg(long, value_name = "FILE")]
    module: Option<String>,
}

/// A scenario to run.
pub(super) struct Case {
    file: Arc<str>,
    scenario: Scenario,
}

/// Runs the command.
///
/// # Errors
///
/// When there is no engine, or the results cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (cases, mut problems) = read(&args.paths);
    let (plans, faults) = Plans::new(args.module.as_deref(), &args.policies);
    problems.extend(faults);
    let problems_written = write_problems(&problems);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let results = runtime.block_on(async {
        let runner = Runner::new(policies::engine()?, plans);
        anyhow::Ok(runner.run(&cases).await)
    })?;
    let exit = match (problems.is_empty(), results.iter().all(Result::is_ok)) {
        (false, _) => Exit::Error,
        (true, false) => Exit::Failure,
        (true, true) => Exit::Success,
    };
    let results_written = print(&cases, &results, problems.len());
    output::settle(exit, output::both(problems_written, results_written))
}

fn read(paths: &[PathBuf]) -> (Vec<Case>, Vec<Problem>) {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for named in Named::all(paths) {
        let (cases_before, problems_before) = (cases.len(), problems.len());
        let name = named.name();
        problems.extend(named.problems);
        for input in named.inputs {
            match load(&input, paths) {
                Ok(Some(scenario)) => cases.push(Case {
                    file: input.name(),
                    scenario,
                }),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        let nothing = cases.len() == cases_before && problems.len() == problems_before;
        if nothing && !named.repeated {
            let problem =
                Problem::of_file(&name, "there is no scenario here, so nothing is tested");
            problems
                .push(problem.hint("name a scenario, or a folder with files of `kind: Scenario`"));
        }
    }
    (cases, problems)
}

fn write_problems(problems: &[Problem]) -> io::Result<()> {
    let mut errors = io::stderr().lock();
    let look = look(&errors);
    for problem in problems {
        write!(errors, "{}", Notice::from(problem).render(&look))?;
    }
    errors.flush()
}

/// Reads a scenario. Returns `None` for another file in a folder, such as a manifest.
fn load(input: &Input, paths: &[PathBuf]) -> Result<Option<Scenario>, Problem> {
    let file = input.name();
    let bytes = input
        .read()
        .map_err(|error| Problem::of_file(&file, format!("cannot be read: {error}")))?;
    let read = match input {
        Input::File(path) if !paths.contains(path) && !is_scenario(&bytes) => return Ok(None),
        Input::File(path) => Scenario::load(path),
        Input::Stdin => Scenario::parse(&bytes),
    };
    read.map(Some).map_err(|error| {
        let text = String::from_utf8_lossy(&bytes);
        let at =
            |location: &Location, message: String| Problem::at(&file, &text, location, message);
        match &error {
            ScenarioError::Yaml(wrong) => at(&wrong.location, wrong.kind.to_string()),
            ScenarioError::Invalid(wrong) => at(&wrong.location, wrong.problem.to_string()),
            ScenarioError::Manifest {
                path,
                why,
                location,
            } => at(location, format!("the manifest {}: {why}", path.display())),
            other => Problem::of_file(&file, other.to_string()),
        }
    })
}

/// Prints the results as `cargo test` does.
fn print(cases: &[Case], results: &[Result<(), String>], problems: usize) -> io::Result<()> {
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    for (case, result) in cases.iter().zip(results) {
        let word = if result.is_ok() {
            format!("{GREEN}ok{GREEN:#}")
        } else {
            format!("{RED}FAILED{RED:#}")
        };
        writeln!(out, "scenario {} ... {word}", one_line(&case.file))?;
    }
    for (case, result) in cases.iter().zip(results) {
        if let Err(why) = result {
            writeln!(
                out,
                "\n---- {}: {} ----",
                one_line(&case.file),
                one_line(&case.scenario.metadata.name)
            )?;
            why.lines()
                .try_for_each(|line| writeln!(out, "{}", one_line(line)))?;
        }
    }
    let failed = results.iter().filter(|result| result.is_err()).count();
    let word = match (failed, problems) {
        (0, 0) => format!("{GREEN}ok{GREEN:#}"),
        (0, _) => format!("{RED}INCOMPLETE{RED:#}"),
        _ => format!("{RED}FAILED{RED:#}"),
    };
    let passed = results.len() - failed;
    write!(out, "\nscenarios: {word}. {passed} passed; {failed} failed")?;
    match problems {
        0 => writeln!(out)?,
        1 => writeln!(out, "; 1 problem")?,
        problems => writeln!(out, "; {problems} problems")?,
    }
    out.flush()
}

/// Returns the folder that paths in a scenario are relative to.
fn folder(file: &str) -> &Path {
    Path::new(file).parent().unwrap_or(Path::new(""))
}
