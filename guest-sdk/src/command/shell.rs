//! Splits a shell script into its commands and their words, as a shell does: quotes and escapes are
//! removed, comments and redirections are not words. Nothing is expanded: a variable is kept as
//! written, `$(…)` becomes `$()`, and its content is returned as a script of its own.

use std::mem;

/// What a script runs, as far as its text shows.
#[derive(Debug, Default)]
pub struct Script {
    /// The words of each command, in order.
    pub commands: Vec<Vec<String>>,
    /// The scripts inside `$(…)` and backticks.
    pub nested: Vec<String>,
}

/// Parses a script. One with syntax errors is parsed as far as possible.
#[must_use]
pub fn parse(text: &str) -> Script {
    let mut parser = Parser {
        rest: text,
        ..Parser::default()
    };
    while let Some(letter) = parser.take() {
        parser.step(letter);
    }
    parser.end_command();
    parser.script
}

#[derive(Default)]
struct Parser<'a> {
    rest: &'a str,
    script: Script,
    command: Vec<String>,
    /// The current word; `None` between words, as `""` is a word.
    word: Option<String>,
    /// The meaning of the next word.
    next: Next,
    /// The delimiters of the here-documents that start after this line.
    here_documents: Vec<String>,
}

#[derive(Clone, Copy, Default)]
enum Next {
    /// A word of the command.
    #[default]
    Word,
    /// The file or descriptor of a redirection.
    Redirection,
    /// The delimiter of a here-document.
    Delimiter,
}

impl Parser<'_> {
    fn step(&mut self, letter: char) {
        match letter {
            ' ' | '\t' | '\r' => self.end_word(),
            '\n' => {
                self.end_command();
                self.skip_here_documents();
            }
            '&' if self.rest.starts_with('>') => self.redirection(),
            ';' | '|' | '&' | '(' | ')' => self.end_command(),
            '<' | '>' => self.redirection(),
            '#' if self.word.is_none() => self.skip_while(|letter| letter != '\n'),
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '\\' => match self.take() {
                Some('\n') | None => {}
                Some(escaped) => self.push(escaped),
            },
            '`' => self.backticks(),
            '$' => self.dollar(),
            other => self.push(other),
        }
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_while(&mut self, skip: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(skip);
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        match mem::take(&mut self.next) {
            Next::Word => self.command.push(word),
            Next::Redirection => {}
            Next::Delimiter => self.here_documents.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.next = Next::Word;
        if !self.command.is_empty() {
            self.script.commands.push(mem::take(&mut self.command));
        }
    }

    /// `>`, `2>>`, `&>`, `>&`, `<`, `<<`, `<<-`, `<<<`; a process substitution `<(` is a command.
    fn redirection(&mut self) {
        let is_descriptor =
            |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if self.word.as_ref().is_some_and(is_descriptor) {
            self.word = None;
        }
        self.end_word();
        if self.rest.starts_with('(') {
            return;
        }
        self.next = Next::Redirection;
        if self.take_if('<') {
            if !self.take_if('<') {
                self.take_if('-');
                self.next = Next::Delimiter;
            }
        } else {
            self.skip_while(|letter| matches!(letter, '>' | '&' | '|'));
        }
    }

    fn skip_here_documents(&mut self) {
        for end in mem::take(&mut self.here_documents) {
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                if line.trim_start_matches('\t') == end {
                    break;
                }
            }
        }
    }

    fn single_quoted(&mut self) {
        let (quoted, rest) = self.rest.split_once('\'').unwrap_or((self.rest, ""));
        self.word.get_or_insert_default().push_str(quoted);
        self.rest = rest;
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(letter) = self.take() {
            match letter {
                '"' => return,
                '\\' => match self.take() {
                    Some('\n') | None => {}
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => self.push(escaped),
                    Some(other) => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                '`' => self.backticks(),
                // Within double quotes, the next quote is a plain character.
                '$' if self.rest.starts_with(['\'', '"']) => self.push('$'),
                '$' => self.dollar(),
                other => self.push(other),
            }
        }
    }

    fn dollar(&mut self) {
        if self.take_if('(') {
            let (inside, rest) = split_at_closing(self.rest);
            self.substitution(inside.to_owned());
            self.rest = rest;
        } else if self.rest.starts_with('{') {
            let end = self.rest.find('}').map_or(self.rest.len(), |at| at + 1);
            let (variable, rest) = self.rest.split_at(end);
            let word = self.word.get_or_insert_default();
            word.push('$');
            word.push_str(variable);
            self.rest = rest;
        } else if !self.rest.starts_with(['\'', '"']) {
            // `$'…'` and `$"…"` are other forms of quotes.
            self.push('$');
        }
    }

    fn backticks(&mut self) {
        let mut inside = String::new();
        while let Some(letter) = self.take() {
            match letter {
                '`' => break,
                '\\' => inside.extend(self.take()),
                other => inside.push(other),
            }
        }
        self.substitution(inside);
    }

    fn substitution(&mut self, inside: String) {
        self.word.get_or_insert_default().push_str("$()");
        self.script.nested.push(inside);
    }
}

/// Splits the text after a `$(` at the matching parenthesis.
fn split_at_closing(text: &str) -> (&str, &str) {
    /// What the next closing character closes.
    #[derive(PartialEq)]
    enum Open {
        Parenthesis,
        Quotes,
    }
    let mut open = vec![Open::Parenthesis];
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        let quoted = open.last() == Some(&Open::Quotes);
        match letter {
            '\\' => {
                letters.next();
            }
            '"' if quoted => {
                open.pop();
            }
            '"' => open.push(Open::Quotes),
            '\'' if !quoted => {
                letters.find(|(_, letter)| *letter == '\'');
            }
            '(' if !quoted || text[..at].ends_with('$') => open.push(Open::Parenthesis),
            ')' if !quoted => {
                open.pop();
                if open.is_empty() {
                    return (&text[..at], &text[at + 1..]);
                }
            }
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<Vec<String>> {
        parse(text).commands
    }

    #[test]
    fn quotes_are_removed_everywhere_in_a_word() {
        for (text, words) in [
            (r#"a --host="127.0.0.1""#, vec!["a", "--host=127.0.0.1"]),
            (r"a -h'localhost'", vec!["a", "-hlocalhost"]),
            (r#"a lo"cal"'host':80"#, vec!["a", "localhost:80"]),
            (r"a local\host", vec!["a", "localhost"]),
            (r#"a "x y" '' """#, vec!["a", "x y", "", ""]),
            (r#"a "say \"hi\" \n""#, vec!["a", r#"say "hi" \n"#]),
            (r"a '\'b", vec!["a", r"\b"]),
            (r#"a $'x' $"y" "$'""#, vec!["a", "x", "y", "$'"]),
            ("a \\\n  b", vec!["a", "b"]),
            ("a lo\\\ncalhost", vec!["a", "localhost"]),
            (r#"a "unclosed x"#, vec!["a", "unclosed x"]),
            ("a ${HOST:-b c}:80 $X", vec!["a", "${HOST:-b c}:80", "$X"]),
        ] {
            assert_eq!(commands(text), [words], "{text}");
        }
    }

    #[test]
    fn comments_redirections_and_here_documents_are_skipped() {
        for text in [
            "a b # c http://db/",
            "# c http://db/\na b",
            "a b >out.txt",
            "a > out.txt b 2>&1",
            "a b &>/dev/null",
            "a <in.txt b 2>>log.txt",
            "a b <<< text",
            "a b <<EOF\nc http://db/\nEOF",
            "a b <<-'EOF'\nc\n\tEOF\n",
        ] {
            assert_eq!(commands(text), [["a", "b"]], "{text}");
        }
        assert_eq!(commands("a b#c"), [["a", "b#c"]]);
    }

    #[test]
    fn commands_end_where_a_shell_ends_them() {
        let text = "a 1; b 2 && c | d & (e)\nf || { g; }";
        let programs: Vec<String> = commands(text)
            .into_iter()
            .map(|words| words[0].clone())
            .collect();
        assert_eq!(programs, ["a", "b", "c", "d", "e", "f", "{", "}"]);
    }

    #[test]
    fn substitutions_are_scripts_of_their_own() {
        for (text, nested) in [
            (r#"a "$(b "c)" 'd)')" e"#, r#"b "c)" 'd)'"#),
            ("a $(b $(c)) e", "b $(c)"),
            (r"a `b \`c\`` e", "b `c`"),
            (r#"a "$(b "$(c ")")")" e"#, r#"b "$(c ")")""#),
        ] {
            let script = parse(text);
            assert_eq!(script.commands, [["a", "$()", "e"]], "{text}");
            assert_eq!(script.nested, [nested], "{text}");
        }
    }
}
