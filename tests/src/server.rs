//! `rollgate serve` as a process of its own, on loopback.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::timeout;

use crate::keeper::Kept;

/// Far more than a start takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server; killed when dropped, and when this process is gone.
#[derive(Debug)]
pub struct Serve {
    process: Kept,
    /// Where reviews go.
    pub webhook: SocketAddr,
    /// Where health and metrics are.
    pub admin: SocketAddr,
    start: Vec<Value>,
    log: Receiver<Value>,
}

impl Serve {
    /// Starts the binary with these arguments, and waits until it listens.
    ///
    /// # Panics
    /// Where there is no binary, or it does not come up.
    #[must_use]
    pub fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::start_program(&binary(), arguments)
    }

    /// As [`Serve::start`], with another build of the binary.
    ///
    /// # Panics
    /// As [`Serve::start`].
    #[must_use]
    pub fn start_program<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::launch(program, Vec::new(), arguments)
    }

    /// As [`Serve::start`], where no file can grow beyond `room` bytes: to a writer the same as a
    /// disk that is full, and no rights are needed to make it so.
    ///
    /// # Panics
    /// As [`Serve::start`].
    #[must_use]
    pub fn start_without_room<S: AsRef<OsStr>>(
        room: u64,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        // Ignored, the signal turns into an error of the write. POSIX counts in blocks of 512 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", room / 512);
        let before = ["-c".into(), script.into(), binary().into_os_string()];
        Self::launch(Path::new("sh"), before.into(), arguments)
    }

    /// As [`Serve::start`], with at most this many open files and connections.
    ///
    /// # Panics
    /// As [`Serve::start`].
    #[must_use]
    pub fn start_with_descriptors<S: AsRef<OsStr>>(
        most: u32,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        let before = ["-c".into(), script.into(), binary().into_os_string()];
        Self::launch(Path::new("sh"), before.into(), arguments)
    }

    /// As [`Serve::start`], with a clock that differs from the machine's by what is in the file `offset`,
    /// such as `+1d`, whenever that changes. Needs libfaketime.
    ///
    /// # Panics
    /// As [`Serve::start`], and where there is no libfaketime.
    #[must_use]
    pub fn start_with_clock<S: AsRef<OsStr>>(
        offset: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let library = std::env::var_os("ROLLGATE_FAKETIME")
            .expect("set ROLLGATE_FAKETIME to what tests/get-faketime.sh prints");
        let set = |name: &str, value: &OsStr| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(value);
            text
        };
        let before = [
            set("LD_PRELOAD", &library),
            set("FAKETIME_TIMESTAMP_FILE", offset.as_os_str()),
            set("FAKETIME_NO_CACHE", OsStr::new("1")),
            set("FAKETIME_DONT_FAKE_MONOTONIC", OsStr::new("1")),
            binary().into_os_string(),
        ];
        Self::launch(Path::new("env"), before.into(), arguments)
    }

    fn launch<S: AsRef<OsStr>>(
        program: &Path,
        mut all: Vec<OsString>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        all.push("serve".into());
        for (name, value) in [
            ("--listen", "127.0.0.1:0"),
            ("--admin", "127.0.0.1:0"),
            ("--log-format", "json"),
        ] {
            all.extend([name.into(), value.into()]);
        }
        all.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().into()),
        );
        let (process, said) = Kept::start_with_stderr(program, all).expect("the binary starts");
        let log = lines(BufReader::new(said));
        let mut start = Vec::new();
        let listening = first(&log, "listening", &mut start);
        let address = |field: &str| {
            let address = listening[field]
                .as_str()
                .unwrap_or_else(|| panic!("no {field} in {listening}"));
            address.parse().expect("an address")
        };
        let (webhook, admin) = (address("webhook"), address("admin"));
        Self {
            process,
            webhook,
            admin,
            start,
            log,
        }
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Panics
    /// Where it does not in a long while.
    pub async fn ready(&self) {
        self.until("/readyz", |status, _| status == 200).await;
    }

    /// Asks the admin port until the answer is as wanted, and gives its text.
    ///
    /// # Panics
    /// Where it never is.
    pub async fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let from = Instant::now();
        loop {
            let (status, text) = self.get(path).await;
            if wanted(status, &text) {
                return text;
            }
            assert!(
                from.elapsed() < PATIENCE,
                "{path} still says {status}: {text}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the admin port says.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("http://{}{path}", self.admin))
            .await
            .expect("an answer");
        (
            response.status().as_u16(),
            response.text().await.expect("a text"),
        )
    }

    /// Ends the server, and gives its log, without what was passed over while waiting for a line.
    ///
    /// # Panics
    /// As [`Serve::terminate`].
    #[must_use]
    pub fn log_to_the_end(mut self) -> Vec<Value> {
        self.terminate();
        let mut lines = std::mem::take(&mut self.start);
        lines.extend(self.log.iter());
        lines
    }

    /// Waits for a line of the log with this message; needs a runtime of several threads.
    ///
    /// # Panics
    /// Where none comes.
    #[must_use]
    pub fn logged(&self, message: &str) -> Value {
        tokio::task::block_in_place(|| first(&self.log, message, &mut Vec::new()))
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// Where the process is gone already.
    pub fn terminate(&self) {
        self.process
            .signal(Signal::TERM)
            .expect("the process is there");
    }

    /// Ends it at once, as a machine that fails does (SIGKILL).
    ///
    /// # Panics
    /// Where the process is gone already.
    pub fn kill(&self) {
        self.process
            .signal(Signal::KILL)
            .expect("the process is there");
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// Where it does not come within `patience`.
    pub async fn ended(mut self, patience: Duration) -> ExitStatus {
        let status = timeout(patience, self.process.end()).await;
        let status = status.unwrap_or_else(|_| panic!("still running after {patience:?}"));
        status.expect("a child")
    }
}

/// The program, as the profile of this test or benchmark builds it; or what `ROLLGATE_BINARY` names.
///
/// # Panics
/// Where it has not been built.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ROLLGATE_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its path");
    let folder = test.parent().expect("it is in a folder");
    // Programs are built beside it, tests into a folder below.
    let profile = folder.parent().filter(|_| folder.ends_with("deps"));
    let binary = profile.unwrap_or(folder).join("rollgate");
    assert!(
        binary.exists(),
        "{} is missing: cargo build -p rollgate",
        binary.display()
    );
    binary
}

fn lines(stderr: impl BufRead + Send + 'static) -> Receiver<Value> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            // What is not a log line is for whoever reads the test's output.
            let line = serde_json::from_str(&line).unwrap_or_else(|_| {
                eprintln!("{line}");
                Value::Null
            });
            let _ = send.send(line);
        }
    });
    lines
}

fn first(log: &Receiver<Value>, message: &str, others: &mut Vec<Value>) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        match log.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line["message"] == message => return line,
            Ok(line) => others.push(line),
            Err(_) => panic!("`{message}` was never logged, but {others:#?}"),
        }
    }
}
