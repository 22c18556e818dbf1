//! Splits a command into words, and a shell script into words and the ends of its commands.

use std::slice;

/// A word, or the end of one command of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A word, without the quotes around it.
    Word(&'a str),
    /// The next word starts a command.
    End,
}

/// The tokens of a probe's command. What follows a shell is read as a script.
#[derive(Clone)]
pub(super) struct Tokens<'a> {
    elements: slice::Iter<'a, String>,
    script: &'a str,
    in_shell: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(command: &'a [String]) -> Self {
        Self {
            elements: command.iter(),
            script: "",
            in_shell: false,
        }
    }

    /// The next token of the script; `None` at its end.
    fn next_of_script(&mut self) -> Option<Token<'a>> {
        self.script = self.script.trim_start_matches([' ', '\t', '\r', '<', '>']);
        let first = self.script.chars().next()?;
        if ends_command(first) {
            self.script = &self.script[first.len_utf8()..];
            return Some(Token::End);
        }
        let (word, rest) = self.script.split_at(word_length(self.script));
        self.script = rest;
        Some(Token::Word(unquoted(word)))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if let Some(token) = self.next_of_script() {
                return Some(token);
            }
            let element = self.elements.next()?;
            if self.in_shell {
                self.script = element;
            } else {
                self.in_shell = super::is_shell(element);
                return Some(Token::Word(element));
            }
        }
    }
}

fn ends_command(letter: char) -> bool {
    matches!(letter, ';' | '|' | '&' | '\n' | '(' | ')' | '`')
}

/// The bytes of the word that the script starts with; at least one.
fn word_length(script: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in script.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ' | '\t' | '\r' | '<' | '>') => return at,
            (None, _) if ends_command(letter) => return at,
            (None, _) => {}
        }
    }
    script.len()
}

/// The word without the quotes around the whole of it.
fn unquoted(word: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| word.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(word)
}
