//! The command line as its users see it. Each folder of `tests/cli` is a case: what is typed stands
//! in `command.txt`, what comes of it in `output.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test -p rollgate --test cli` writes the outputs anew.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snapbox::{Assert, Data, IntoData};

#[test]
fn output_of_every_case_is_as_expected() {
    let cases = cases();
    assert!(!cases.is_empty());
    let assert = Assert::new().action_env("SNAPSHOTS");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let expected = Data::read_from(&case.join("output.txt"), None);
            let outcome =
                assert.try_eq(Some(&case.display()), run(case).into_data(), expected.raw());
            outcome.err().map(|error| error.to_string())
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let entries = fs::read_dir(&folder).expect("the folder of cases");
    let mut cases: Vec<_> = entries.map(|entry| entry.expect("a case").path()).collect();
    cases.retain(|case| case.join("command.txt").exists());
    cases.sort();
    cases
}

/// Everything that a run shows: both streams and the exit code, after each line of the command file.
fn run(case: &Path) -> String {
    let commands = fs::read_to_string(case.join("command.txt")).expect("the commands");
    let mut shown = String::new();
    for line in commands.lines() {
        let arguments = line
            .strip_prefix("rollgate ")
            .expect("each line begins with `rollgate`");
        let output = Command::new(env!("CARGO_BIN_EXE_rollgate"))
            .args(arguments.split(' '))
            .current_dir(case)
            .env_clear()
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(File::open(case.join("stdin")).map_or_else(|_| Stdio::null(), Stdio::from))
            .output()
            .expect("the binary runs");
        let code = output.status.code().expect("it ends by itself");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        writeln!(shown, "$ {line}").expect("a String takes all");
        shown += &text(output.stdout);
        match text(output.stderr) {
            empty if empty.is_empty() => {}
            told => write!(shown, "--- standard error\n{told}").expect("a String takes all"),
        }
        writeln!(shown, "--- exit code {code}").expect("a String takes all");
    }
    shown
}
