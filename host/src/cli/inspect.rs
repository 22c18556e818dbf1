//! `rollgate inspect`: shows the description of a module.

use std::io::{self, Write};

use anyhow::Context;

use super::terminal::{BOLD, one_line};
use super::{Exit, output, policies};
use crate::config::{ModuleDigest, ModuleSource};
use crate::engine::Description;

/// Show what a policy module does and which settings it takes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A `.wasm` file, or the name of a bundled policy such as `probes`
    module: String,
}

/// Runs the command.
///
/// # Errors
///
/// When the module cannot be read, or is no policy.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let source = ModuleSource::of_argument(&args.module);
    let module = source.read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let described = runtime.block_on(async {
        let engine = policies::engine()?;
        anyhow::Ok(engine.describe(&module).await?)
    });
    let described = described.with_context(|| source.to_string())?;
    output::settle(Exit::Success, show(&described, &ModuleDigest::of(&module)))
}

fn show(description: &Description, digest: &ModuleDigest) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let line = |text: &str| one_line(text).into_owned();
    writeln!(
        out,
        "{BOLD}{} {}{BOLD:#}",
        line(&description.name),
        line(&description.version)
    )?;
    writeln!(out, "{}\n", line(&description.summary))?;
    writeln!(out, "digest: {digest}\n")?;
    writeln!(out, "settings, as a JSON Schema:")?;
    let schema: Result<serde_json::Value, _> = serde_json::from_str(&description.settings_schema);
    match schema {
        Ok(schema) => writeln!(out, "{schema:#}")?,
        Err(error) => writeln!(out, "(the module gives no sound schema: {error})")?,
    }
    out.flush()
}
