//! The command line: one file per command.

mod check;
mod compile;
mod crds;
mod explain;
mod inputs;
mod inspect;
mod installation;
mod library;
mod manifests;
mod notice;
mod output;
mod policies;
mod serve;
mod switch;
mod tags;
mod terminal;
mod test;
mod uninstall;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cluster::Switch;
use terminal::Fatal;

/// Decides whether a Kubernetes rollout may go forward, by WebAssembly policies.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// When to use colour; respects NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Test(test::Args),
    Inspect(inspect::Args),
    Policies(library::Args),
    Explain(explain::Args),
    Compile(compile::Args),
    Manifests(manifests::Args),
    Serve(Box<serve::Args>),
    Crds(crds::Args),
    /// Disable rollgate: remove its webhook and unbind the revision guard
    Off(switch::Args),
    /// Enable rollgate again after `off`
    On(switch::Args),
    Uninstall(uninstall::Args),
}

/// The name of the program as a plugin of kubectl.
const PLUGIN: &str = "kubectl-rollgate";

impl Cli {
    /// Parses the command line. Exits the process for help, or if it is invalid.
    #[must_use]
    pub fn read() -> Self {
        let called = std::env::args_os().next();
        let called = called.map(PathBuf::from).unwrap_or_default();
        let command = Self::command();
        let mut command = match called.file_stem() {
            Some(name) if name == PLUGIN => command.bin_name("kubectl rollgate"),
            _ => command,
        };
        let matches = command.try_get_matches_from_mut(std::env::args_os());
        matches
            .and_then(|matches| Self::from_arg_matches(&matches))
            .unwrap_or_else(|error| end(&error.format(&mut command)))
    }

    /// Runs the command, prints an error on standard error, and returns the exit code.
    #[must_use]
    pub fn run(self) -> Exit {
        terminal::use_colour(self.color);
        self.execute().unwrap_or_else(|error| {
            let _ = writeln!(anstream::stderr(), "{}", Fatal(error));
            Exit::Error
        })
    }

    fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Check(args) => check::run(&args),
            Command::Test(args) => test::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Policies(args) => library::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Compile(args) => compile::run(&args),
            Command::Manifests(args) => manifests::run(&args),
            Command::Serve(args) => serve::run(*args),
            Command::Crds(args) => crds::run(&args),
            Command::Off(args) => switch::run(&args, Switch::Off),
            Command::On(args) => switch::run(&args, Switch::On),
            Command::Uninstall(args) => uninstall::run(&args),
        }
    }
}

/// Shows help, or what is wrong with the command line, and ends the process.
fn end(shown: &clap::Error) -> ! {
    let lost = shown
        .print()
        .is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    let code = if lost {
        i32::from(Exit::Error.code())
    } else {
        shown.exit_code()
    };
    std::process::exit(code)
}

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: success.
    Success,
    /// 1: a rollout is held or denied, a test failed, connections were cut off at shutdown, or the user did
    /// not confirm.
    Failure,
    /// 2: something could not be read or evaluated.
    Error,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Error => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
