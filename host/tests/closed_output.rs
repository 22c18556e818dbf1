//! Whoever reads the output may go away, and disks fill up: the exit code says what was found all the
//! same, and never that all is well where the report is lost.
#![cfg(unix)]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

const SOUND: &str = include_str!("closed_output/sound.yaml");
const DENIED: &str = include_str!("closed_output/denied.yaml");
const BROKEN: &str = "kind: [\n";

/// What is typed, and how it exits.
const COMMANDS: [(&[&str], i32); 15] = [
    (&["check", "sound.yaml"], 0),
    (&["check", "denied.yaml"], 1),
    (&["check", "broken.yaml"], 2),
    (&["check", "denied.yaml", "broken.yaml"], 2),
    (&["check", "many"], 1),
    (&["check", "sound.yaml", "--format", "json"], 0),
    (&["check", "many", "--format", "json"], 1),
    (&["check", "broken.yaml", "--format", "json"], 2),
    (&["test", "passes.yaml"], 0),
    (&["test", "fails.yaml"], 1),
    (&["test", "fails.yaml", "broken.yaml"], 2),
    (&["inspect", "probes"], 0),
    (&["manifests"], 0),
    (&["crds"], 0),
    (&["check", "--help"], 0),
];

/// The folder with the files that the commands name. Written once: the tests run side by side.
static FILES: LazyLock<PathBuf> = LazyLock::new(write_files);

fn write_files() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("closed-output");
    fs::create_dir_all(folder.join("many")).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    write("sound.yaml", SOUND);
    write("denied.yaml", DENIED);
    write("broken.yaml", BROKEN);
    write("many/all.yaml", &format!("{DENIED}---\n").repeat(300));
    let indented: String = DENIED.lines().map(|line| format!("  {line}\n")).collect();
    for (name, outcome) in [("passes", "deny"), ("fails", "allow")] {
        let text = format!(
            "apiVersion: rollgate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: {name}}}\n\
             policy: probes\nnew:\n{indented}expect: {{outcome: {outcome}}}\n"
        );
        write(&format!("{name}.yaml"), &text);
    }
    folder
}

/// Runs a command with these streams, and gives its exit code.
fn exit(folder: &Path, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    let status = command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .status();
    status.expect("the binary runs").code()
}

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A file on a full disk.
#[cfg(target_os = "linux")]
fn full() -> Stdio {
    let file = File::options().write(true).open("/dev/full");
    file.expect("/dev/full").into()
}

#[test]
fn closed_pipe_changes_no_exit_code() {
    let folder = &*FILES;
    for (arguments, code) in COMMANDS {
        let code = Some(code);
        let exit = |stdout, stderr| exit(folder, arguments, stdout, stderr);
        let read = exit(Stdio::null(), Stdio::null());
        assert_eq!(read, code, "{arguments:?}, all of it read");
        let out = exit(closed(), Stdio::null());
        assert_eq!(out, code, "{arguments:?}, standard output closed");
        let errors = exit(Stdio::null(), closed());
        assert_eq!(errors, code, "{arguments:?}, standard error closed");
        let both = exit(closed(), closed());
        assert_eq!(both, code, "{arguments:?}, both closed");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_never_a_success() {
    let folder = &*FILES;
    for (arguments, code) in COMMANDS {
        let exit = |stdout, stderr| exit(folder, arguments, stdout, stderr);
        let out = exit(full(), Stdio::null());
        assert_eq!(out, Some(2), "{arguments:?}, standard output full");
        let both = exit(full(), closed());
        assert_eq!(both, Some(2), "{arguments:?}, and standard error closed");
        let errors = exit(Stdio::null(), full());
        assert_eq!(errors, Some(code), "{arguments:?}, standard error full");
    }
}

#[test]
fn failed_command_has_its_exit_code_with_closed_pipes() {
    let folder = &*FILES;
    let arguments = ["inspect", "absent.wasm"];
    assert_eq!(exit(folder, &arguments, closed(), closed()), Some(2));
    let arguments = ["check", "sound.yaml", "--scenario", "absent.yaml"];
    assert_eq!(exit(folder, &arguments, closed(), closed()), Some(2));
    assert_eq!(exit(folder, &["chekc"], closed(), closed()), Some(2));
}
