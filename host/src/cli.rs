//! The command line: one file per command.

mod inspect;
mod terminal;

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
    Inspect(inspect::Args),
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
            Command::Inspect(args) => inspect::run(&args),
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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Passed => Self::SUCCESS,
            Exit::Found => Self::from(1),
            Exit::Unjudged => Self::from(2),
        }
    }
}
