//! A policy that is built for WASI and tries what a program might; the settings choose what. The
//! result is in the verdict's evidence, or in the error about its settings.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io, process, thread};

use rollgate_sdk::{Evidence, Failure, Policy, Rollout, SettingsError, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;

/// What to try, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    attempt: Attempt,
    /// The same in `configure`.
    #[serde(default)]
    in_configure: bool,
}

/// Something that a program does with the system around it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Attempt {
    ReadFile(String),
    WriteFile(String),
    ListFolder(String),
    Environment,
    Arguments,
    StandardInput,
    StandardOutput,
    Connect(String),
    Listen(String),
    Send(String),
    Resolve(String),
    WallClock,
    MonotonicClock,
    Random,
    Thread,
    Exit(i32),
    Sleep(u64),
}

/// The policy.
pub struct Tries {
    attempt: Attempt,
    in_configure: Option<String>,
}

rollgate_sdk::export!(Tries);

impl Policy for Tries {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            in_configure: settings.in_configure.then(|| settings.attempt.outcome()),
            attempt: settings.attempt,
        })
    }

    fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
        let mut verdict =
            Verdict::allow().with_evidence(Evidence::new("evaluate", self.attempt.outcome()));
        if let Some(outcome) = &self.in_configure {
            verdict = verdict.with_evidence(Evidence::new("configure", outcome));
        }
        Ok(verdict)
    }
}

impl Attempt {
    fn outcome(&self) -> String {
        self.make()
            .unwrap_or_else(|error| format!("error: {error}"))
    }

    fn make(&self) -> io::Result<String> {
        Ok(match self {
            Self::ReadFile(path) => fs::read_to_string(path)?,
            Self::WriteFile(path) => format!("{:?}", fs::write(path, "a guest was here")?),
            Self::ListFolder(path) => format!("{} entries", fs::read_dir(path)?.count()),
            Self::Environment => format!("{:?}", env::vars_os().collect::<Vec<_>>()),
            Self::Arguments => format!("{:?}", env::args_os().collect::<Vec<_>>()),
            Self::StandardInput => {
                format!("{} bytes", io::stdin().read_to_end(&mut Vec::new())?)
            }
            Self::StandardOutput => {
                println!("a guest prints");
                eprintln!("a guest complains");
                "printed".into()
            }
            Self::Connect(address) => format!("{:?}", TcpStream::connect(address)?),
            Self::Listen(address) => format!("{:?}", TcpListener::bind(address)?),
            Self::Send(address) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                format!("{} bytes", socket.send_to(b"a guest was here", address)?)
            }
            Self::Resolve(name) => format!("{:?}", name.to_socket_addrs()?.collect::<Vec<_>>()),
            Self::WallClock => wall_clock()?,
            Self::MonotonicClock => monotonic_clock(),
            Self::Random => format!("{:x}", RandomState::new().hash_one("rollgate")),
            Self::Thread => format!("{:?}", thread::Builder::new().spawn(|| ())?.join().is_ok()),
            Self::Exit(status) => process::exit(*status),
            Self::Sleep(seconds) => {
                thread::sleep(Duration::from_secs(*seconds));
                "slept".into()
            }
        })
    }
}

/// Returns the time twice, in seconds since 1970.
fn wall_clock() -> io::Result<String> {
    let first = since_1970()?;
    thread::sleep(Duration::from_millis(2));
    Ok(format!("{first:?}, {:?}", since_1970()?))
}

fn since_1970() -> io::Result<Duration> {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(io::Error::other)
}

fn monotonic_clock() -> String {
    let nap = Duration::from_millis(5);
    let begun = Instant::now();
    thread::sleep(nap);
    let passed = begun.elapsed();
    if passed >= nap {
        "it runs".into()
    } else {
        format!("{passed:?} passed in a nap of {nap:?}")
    }
}
