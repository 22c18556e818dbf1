//! Programs that run another program: shells, and those that change how it runs.

use std::borrow::Cow;

use super::file_name;

/// What a command finally runs, as [`runs`] returns it.
#[derive(Debug, PartialEq, Eq)]
pub enum Runs<'a> {
    /// A program, by its file name, with its arguments.
    Program(&'a str, &'a [String]),
    /// A shell's script.
    Script(Cow<'a, str>),
}

/// Keywords of the shell that precede a command.
const KEYWORDS: &[&str] = &[
    "!", "{", "if", "then", "else", "elif", "while", "until", "do", "time",
];

const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Programs whose option `-c` takes a script, among other arguments.
const USER_SHELLS: &[&str] = &["su", "runuser"];

/// A program that runs the one after its own arguments.
struct Wrapper {
    name: &'static str,
    /// Its options that take the next word.
    with_value: &'static [&'static str],
    /// The number of positional arguments before the program.
    words: usize,
}

const fn wrapper(name: &'static str, with_value: &'static [&'static str], words: usize) -> Wrapper {
    Wrapper {
        name,
        with_value,
        words,
    }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper("busybox", &[], 0),
    wrapper("command", &[], 0),
    wrapper("env", &["-u", "--unset", "-C", "--chdir"], 0),
    wrapper("exec", &["-a"], 0),
    wrapper("gosu", &[], 1),
    wrapper("nice", &["-n", "--adjustment"], 0),
    wrapper("nohup", &[], 0),
    wrapper("setsid", &[], 0),
    wrapper("su-exec", &[], 1),
    wrapper("sudo", &["-u", "--user", "-g", "--group"], 0),
    wrapper("timeout", &["-s", "--signal", "-k", "--kill-after"], 1),
    wrapper("tini", &["-p", "-e"], 0),
];

/// Returns what a command runs, without the programs that only change how it runs; `None` where
/// that is nothing.
#[must_use]
pub fn runs(mut words: &[String]) -> Option<Runs<'_>> {
    loop {
        let (first, rest) = words.split_first()?;
        let program = file_name(first);
        if KEYWORDS.contains(&program) || is_assignment(first) {
            words = rest;
        } else if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == program) {
            words = wrapper.skip(rest);
        } else if program == "eval" {
            return Some(Runs::Script(rest.join(" ").into()));
        } else if SHELLS.contains(&program) {
            return of_shell(rest);
        } else if USER_SHELLS.contains(&program)
            && let Some(script) = option_c(rest)
        {
            return Some(Runs::Script(script.into()));
        } else {
            return Some(Runs::Program(program, rest));
        }
    }
}

/// Whether the word is `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && is_name(name))
}

impl Wrapper {
    /// Returns the words after this program's own arguments.
    fn skip<'a>(&self, mut words: &'a [String]) -> &'a [String] {
        let mut left = self.words;
        while let Some((word, rest)) = words.split_first() {
            if word == "--" && left == 0 {
                return rest;
            } else if word.len() > 1 && word.starts_with('-') {
                let takes_next = self.with_value.contains(&word.as_str());
                words = rest.get(usize::from(takes_next)..).unwrap_or_default();
            } else if left > 0 {
                left -= 1;
                words = rest;
            } else {
                break;
            }
        }
        words
    }
}

/// Returns what a shell runs with these arguments: the script of `-c`, else a file.
fn of_shell(mut words: &[String]) -> Option<Runs<'_>> {
    let mut takes_script = false;
    while let Some((word, rest)) = words.split_first() {
        let Some(letters) = word.strip_prefix(['-', '+']) else {
            let script = || Runs::Script(word.into());
            return Some(if takes_script {
                script()
            } else {
                Runs::Program(file_name(word), rest)
            });
        };
        let is_long = letters.starts_with('-');
        takes_script |= !is_long && letters.contains('c');
        // `-o pipefail` and the like.
        let takes_next = !is_long && letters.ends_with(['o', 'O']);
        words = rest.get(usize::from(takes_next)..).unwrap_or_default();
    }
    None
}

fn option_c(words: &[String]) -> Option<&str> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if matches!(word, "-c" | "--command") {
            return words.next();
        }
        if let Some(script) = word.strip_prefix("--command=") {
            return Some(script);
        }
    }
    None
}
