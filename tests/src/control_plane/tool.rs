//! kubectl and Helm, called as people call them.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result};

use super::programs::folder;

/// A call that can still be given more.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    input: String,
}

/// What a call came to.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Tool {
    /// A program of `folder`, as the user of this kubeconfig, with `home` for its caches.
    pub(super) fn new(folder: &Path, name: &str, kubeconfig: &Path, home: &Path) -> Self {
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(folder.join(name));
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("KUBECONFIG", kubeconfig);
        Self {
            command,
            input: String::new(),
        }
    }

    /// kubectl without a cluster, for what it does by itself, as with `--local`.
    ///
    /// # Errors
    /// It is not built.
    pub fn kubectl_alone() -> Result<Self> {
        let nowhere = Path::new("/nonexistent");
        Ok(Self::new(&folder()?, "kubectl", nowhere, nowhere))
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Appends an argument.
    #[must_use]
    pub fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        self.args([argument])
    }

    /// Sets a variable of its environment, which is empty but for what it needs.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets what it reads from standard input, for `--filename=-`.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = text.into();
        self
    }

    /// Makes the call as the user of another kubeconfig.
    #[must_use]
    pub fn by(self, kubeconfig: &Path) -> Self {
        self.env("KUBECONFIG", kubeconfig)
    }

    /// Makes the call and waits for its end, well or not.
    ///
    /// # Errors
    /// There is no such program.
    pub async fn run(self) -> Result<Output> {
        tokio::task::spawn_blocking(|| self.wait()).await?
    }

    /// Makes the call, which must succeed, and gives what it printed.
    ///
    /// # Errors
    /// It fails; with all that it said.
    pub async fn ok(self) -> Result<String> {
        let call = format!(
            "{:?} {:?}",
            self.command.get_program(),
            self.command.get_args()
        );
        let output = self.run().await?;
        anyhow::ensure!(output.status.success(), "{call}: {output}");
        Ok(output.stdout)
    }

    /// Makes the call, which must fail, and gives what it complained of.
    ///
    /// # Errors
    /// It succeeds; with all that it said.
    pub async fn refused(self) -> Result<String> {
        let call = format!(
            "{:?} {:?}",
            self.command.get_program(),
            self.command.get_args()
        );
        let output = self.run().await?;
        anyhow::ensure!(!output.status.success(), "{call} was let through: {output}");
        Ok(output.stderr)
    }

    fn wait(mut self) -> Result<Output> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", self.command.get_program()))?;
        let mut stdin = child.stdin.take().context("it is piped")?;
        // Apart, so that a program that prints before it has read all cannot stand still.
        let input = std::mem::take(&mut self.input);
        let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        // Whether it read everything shows in how it ended.
        let _ = feeder.join();
        Ok(Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}{}", self.status, self.stdout, self.stderr)
    }
}
