//! Programs and folders that must not outlive the test, whichever way that ends.
//!
//! Each is in the care of a shell that waits for the end of its own standard input: the system
//! closes that even where the test is killed. The shells are process groups of their own, so that
//! Ctrl-C in a terminal reaches the test alone, and its end then reaches them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// As many of a log's last lines as tell why a program ended.
const TAIL: usize = 15;

/// How soon an end is noticed.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Ends with the program and with its status, or kills it when standard input closes.
const KEEP: &str = r#"
    exec 3<&0
    "$@" >&2 </dev/null 3<&- &
    program=$!
    echo $program
    { while read -r _ <&3; do :; done; kill -9 $program; } >/dev/null 2>&1 &
    wait $program 2>/dev/null
    status=$?
    kill $! 2>/dev/null
    exit $status
"#;

/// Removes the folder when standard input closes. The programs that write to it end at the same
/// moment, and may still put a file in.
const SWEEP: &str = r#"
    while read -r _; do :; done
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf "$1" 2>/dev/null && exit
        sleep 0.1
    done
"#;

/// A running program; killed when dropped, and when this process is gone.
#[derive(Debug)]
pub struct Kept {
    shell: Child,
    program: Pid,
}

impl Kept {
    /// Starts a program, and hands over what it says on standard error and standard output.
    ///
    /// # Errors
    /// There is no shell. If the program itself cannot be started, [`Kept::ended`] reports it.
    pub fn start_with_stderr<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<(Self, ChildStderr)> {
        let mut kept = Self::start(program, arguments, Stdio::piped())?;
        let said = kept.shell.stderr.take().context("it is piped")?;
        Ok((kept, said))
    }

    /// Starts a program, and appends what it says to a file.
    ///
    /// # Errors
    /// There is no shell, or the file cannot be written. That the program itself cannot be started
    /// is told by [`Kept::ended`].
    pub fn logged<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> Result<Self> {
        let log = File::options().append(true).create(true).open(log)?;
        Self::start(program, arguments, log.into())
    }

    fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        said: Stdio,
    ) -> Result<Self> {
        let mut shell = shell(KEEP, &[program])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .context("cannot start a shell")?;
        let mut id = String::new();
        let stdout = shell.stdout.take().context("it is piped")?;
        BufReader::new(stdout).read_line(&mut id)?;
        let id = id.trim().parse().ok().and_then(Pid::from_raw);
        let program = id.with_context(|| format!("{} was not started", program.display()))?;
        Ok(Self { shell, program })
    }

    /// The program's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.program.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, where it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.shell.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The system does not say.
    pub async fn end(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.program, signal).context("the program has ended already")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        finish(&mut self.shell);
    }
}

/// A temporary folder; removed when dropped, and when this process is gone.
#[derive(Debug)]
pub struct KeptFolder {
    shell: Child,
    path: PathBuf,
}

impl KeptFolder {
    /// A new one, empty.
    ///
    /// # Errors
    /// There is no place for it, or no shell.
    pub fn new(prefix: &str) -> Result<Self> {
        let folder = TempDir::with_prefix(prefix)?;
        let shell = shell(SWEEP, &[folder.path()])
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start a shell")?;
        // From here on the shell removes it.
        let path = folder.keep();
        Ok(Self { shell, path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for KeptFolder {
    fn drop(&mut self) {
        finish(&mut self.shell);
    }
}

/// The last lines of a log.
#[must_use]
pub fn tail(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

fn shell(script: &str, arguments: &[&Path]) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, "rollgate-keeper"])
        .args(arguments)
        .stdin(Stdio::piped())
        .process_group(0);
    shell
}

/// Closes the shell's standard input, and waits until it has done its work.
fn finish(shell: &mut Child) {
    drop(shell.stdin.take());
    let _ = shell.wait();
}
