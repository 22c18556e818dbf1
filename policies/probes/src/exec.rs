//! What a probe's command runs, as far as its text tells.
//!
//! This reads shell scripts as a person skims them: programs, their arguments, and where one
//! command ends. What depends on a variable is not judged.

mod heavy;
mod network;
mod words;

use words::{Token, Tokens};

/// The first program of the command that starts an interpreter or a virtual machine, or is one of
/// `more`.
pub(crate) fn heavy_program<'a>(command: &'a [String], more: &[String]) -> Option<&'a str> {
    programs(command)
        .map(|(program, _)| program)
        .find(|program| heavy::is_heavy(program) || more.iter().any(|heavy| heavy == program))
}

/// The first host other than the Pod itself that the command asks with one of the usual tools.
pub(crate) fn foreign_target(command: &[String]) -> Option<&str> {
    programs(command).find_map(|(program, arguments)| network::foreign_target(program, arguments))
}

/// The programs that a command runs, by file name, each with the tokens that follow it.
fn programs(command: &[String]) -> impl Iterator<Item = (&str, Tokens<'_>)> {
    let mut tokens = Tokens::new(command);
    let mut expected = true;
    std::iter::from_fn(move || {
        loop {
            match tokens.next()? {
                Token::End => expected = true,
                Token::Word(word) if expected && !leads_to_program(word) => {
                    expected = false;
                    return Some((file_name(word), tokens.clone()));
                }
                Token::Word(_) => {}
            }
        }
    })
}

/// Whether another program may follow: options and numbers of a wrapper, assignments, and words
/// of the shell.
fn leads_to_program(word: &str) -> bool {
    word.starts_with(['-', '!', '{'])
        || word.starts_with(|first: char| first.is_ascii_digit())
        || word.contains('=')
        || matches!(
            file_name(word),
            "if" | "then"
                | "else"
                | "elif"
                | "while"
                | "until"
                | "do"
                | "time"
                | "exec"
                | "eval"
                | "env"
                | "timeout"
                | "nice"
                | "nohup"
                | "sudo"
                | "su-exec"
                | "gosu"
                | "tini"
                | "busybox"
        )
        || is_shell(word)
}

fn is_shell(word: &str) -> bool {
    matches!(
        file_name(word),
        "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh"
    )
}

fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests;
