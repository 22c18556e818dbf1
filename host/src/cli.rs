//! The command line: one file per command.

mod check;
mod crds;
mod inputs;
mod inspect;
mod manifests;
mod notice;
mod policies;
mod serve;
mod terminal;
mod test;
mod uninstall;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use terminal::Fatal;

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
    Uninstall(uninstall::Args),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// When the command could not do its work at all.
    pub fn run(self) -> anyhow::Result<Exit> {
        terminal::use_colour(self.color);
        match self.command {
            Command::Check(args) => check::run(&args),
            Command::Test(args) => test::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Manifests(args) => manifests::run(&args),
            Command::Serve(args) => serve::run(*args),
            Command::Crds(args) => crds::run(&args),
            Command::Uninstall(args) => uninstall::run(&args),
        }
    }
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: all is well.
    Passed,
    /// 1: something may not go, or a test failed.
    Found,
    /// 2: something could not be read or judged.
    Unjudged,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Found => 1,
            Self::Unjudged => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
