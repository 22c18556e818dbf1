//! Shell scripts that do not pass SIGTERM on.

use rollgate_sdk::command::{self, Runs};
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Pod};

use crate::rules::Rule;

/// Checks whether the container's main process is a shell that waits for the program.
pub(crate) fn check(container: Container<'_>, pod: &Pod, report: &mut Report<'_, Rule>) {
    // Then another process is the first one of the Pod, and a signal ends the shell.
    if pod.share_process_namespace {
        return;
    }
    let words = [container.command.as_slice(), container.args.as_slice()].concat();
    // Without a command, the image decides what its arguments mean.
    if container.command.is_empty() || is_init(&words) {
        return;
    }
    if let Some(Runs::Script(script)) = command::runs(&words)
        && swallows(&script)
    {
        report.in_container(&container.name, Rule::ShellSwallowsSigterm, || {
            problem(container)
        });
    }
}

/// Whether the first process is a small init that handles signals.
fn is_init(words: &[String]) -> bool {
    let first = words.first().map(|word| command::file_name(word));
    matches!(
        first,
        Some("tini" | "dumb-init" | "catatonit" | "s6-svscan" | "init")
    )
}

/// Commands that do not last, so that it does not matter who gets the signal.
const SHORT: &[&str] = &[
    "set", "cd", "echo", "export", "mkdir", "chmod", "chown", "cp", "ln", "mv", "rm", "source",
    ".", "umask", "ulimit", "printf", "true", "test", "[",
];

/// Whether the shell stays the main process while the program runs. It is replaced by `exec`, and
/// by a script's only command, which shells start in their own place. With `trap` the script
/// handles signals itself.
fn swallows(script: &str) -> bool {
    let parsed = command::parse_script(script);
    let commands = &parsed.commands;
    let has = |word: &str| {
        commands
            .iter()
            .any(|words| words.iter().any(|it| it == word))
    };
    if has("trap") || has("exec") {
        return false;
    }
    match commands.as_slice() {
        [] | [_] => false,
        [.., last] => last
            .first()
            .is_some_and(|word| !SHORT.contains(&word.as_str())),
    }
}

fn problem(container: Container<'_>) -> Problem {
    Problem {
        path: container.path_to("command"),
        message: [
            "Container `",
            &container.name,
            "` runs a shell script that starts the program without `exec`: the shell gets SIGTERM \
             and does not pass it on, so that the program is killed at the end of the grace \
             period, with the requests that it is answering.",
        ]
        .concat(),
        found: "a shell script without exec".to_owned(),
        expected: "exec before the program".to_owned(),
        hint: "Write `exec` before the last command of the script, or set a `trap`, or start the \
               program without a shell."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::swallows;

    #[test]
    fn script_that_keeps_the_signal_is_recognized() {
        for script in [
            "migrate && serve",
            "migrate; serve --port 8080",
            "cd /app\nnode server.js",
            "serve | tee /log",
            "while true; do serve; done",
            "serve & wait",
        ] {
            assert!(swallows(script), "{script}");
        }
    }

    #[test]
    fn script_that_passes_the_signal_on_is_left_alone() {
        for script in [
            "",
            "serve",
            "serve --port 8080 >/log 2>&1",
            "migrate && exec serve",
            "cd /app; exec node server.js",
            "trap 'kill $PID' TERM; serve & PID=$!; wait",
            "# only a comment\nserve",
            "sleep 1; echo done",
        ] {
            assert!(!swallows(script), "{script}");
        }
    }
}
