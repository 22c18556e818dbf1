//! The command line: one file per command.

mod check;
mod crds;
mod inputs;
mod inspect;
mod installation;
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
    /// When to use colour; NO_COLOR is heeded.
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
    Manifests(manifests::Args),
    Serve(Box<serve::Args>),
    Crds(crds::Args),
    /// Take rollgate out of everybody's way: the webhook and the guard of revisions
    Off(switch::Args),
    /// Switch rollgate on again after `off`
    On(switch::Args),
    Uninstall(uninstall::Args),
}

/// What the program is called as a plugin of kubectl: a link of this name to it.
const PLUGIN: &str = "kubectl-rollgate";

impl Cli {
    /// Reads the command line; ends the process where that asks for help, or makes no sense.
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

    /// Runs the command, and says how the process exits. An error that ends it is told on standard
    /// error; where that is closed, the exit code tells it all the same.
    #[must_use]
    pub fn run(self) -> Exit {
        terminal::use_colour(self.color);
        self.execute().unwrap_or_else(|error| {
            let _ = writeln!(anstream::stderr(), "{}", Fatal(error));
            Exit::Incomplete
        })
    }

    fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Check(args) => check::run(&args),
            Command::Test(args) => test::run(&args),
            Command::Inspect(args) => inspect::run(&args),
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
        i32::from(Exit::Incomplete.code())
    } else {
        shown.exit_code()
    };
    std::process::exit(code)
}

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: success.
    Passed,
    /// 1: a rollout is held or denied, or a test failed.
    Found,
    /// 2: something could not be read or evaluated.
    Incomplete,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Found => 1,
            Self::Incomplete => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
