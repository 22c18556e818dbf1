//! Bounds what a query costs before it is parsed: the parser's trees are as deep as a query has operators,
//! and it compiles every regular expression.

use promql_parser::util::unquote_string;

use super::PromqlError;

/// The longest query, in bytes.
const MAX_BYTES: usize = 16 << 10;

/// The most operators, calls and parentheses. No tree is deeper, so no stack overflows.
const MAX_OPERATORS: usize = 250;

/// The bound of [`regex_cost`] for all regular expressions of a query together: some milliseconds.
const MAX_REGEX_COST: u64 = 8_000;

/// The most digits of a number in a duration: the parser takes larger ones for 0, or panics.
const MAX_DIGITS: usize = 9;

/// The most bytes of a duration that an error shows.
const MAX_SHOWN: usize = 24;

/// Refuses a query that would cost too much to parse.
pub(super) fn check_bounds(text: &str) -> Result<(), PromqlError> {
    if text.len() > MAX_BYTES {
        return Err(PromqlError::TooLong(MAX_BYTES));
    }
    let mut scan = Scan::default();
    let mut rest = text;
    while !rest.is_empty() {
        let length = scan.token(rest)?;
        rest = &rest[length..];
        if scan.operators > MAX_OPERATORS {
            return Err(PromqlError::TooManyOperators(MAX_OPERATORS));
        }
    }
    Ok(())
}

/// What was read so far. It reads strings and comments as the parser does, and knows nothing else of the
/// syntax.
#[derive(Default)]
struct Scan {
    operators: usize,
    regex_cost: u64,
    in_braces: bool,
    in_brackets: bool,
    /// After `~`: the next string is a regular expression.
    expects_regex: bool,
    /// After `offset`.
    expects_duration: bool,
}

impl Scan {
    /// Reads one token, and returns its length in bytes.
    fn token(&mut self, rest: &str) -> Result<usize, PromqlError> {
        let first = rest.chars().next().unwrap_or_default();
        match first {
            '"' | '\'' | '`' => return self.string(rest, first),
            '#' if !self.in_brackets => return Ok(line(rest)),
            c if is_word(c) => return self.word(rest),
            c if c.is_whitespace() => return Ok(c.len_utf8()),
            '{' => self.in_braces = true,
            '}' => self.in_braces = false,
            '[' => {
                self.in_brackets = true;
                self.operators += 1;
            }
            ']' => self.in_brackets = false,
            '~' => self.expects_regex = true,
            '(' | '*' | '/' | '%' | '^' | '=' | '<' | '>' | '!' if !self.in_braces => {
                self.operators += 1;
            }
            '+' | '-' => {
                self.operators += 1;
                return Ok(1);
            }
            _ => {}
        }
        self.expects_duration = false;
        Ok(first.len_utf8())
    }

    fn string(&mut self, rest: &str, quote: char) -> Result<usize, PromqlError> {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        // If it does not end, the parser says so.
        let length = end.map_or(rest.len(), |(at, _)| at + 1);
        if self.expects_regex {
            let pattern = unquote_string(&rest[..length]).unwrap_or_default();
            self.regex_cost = self.regex_cost.saturating_add(regex_cost(&pattern));
            if self.regex_cost > MAX_REGEX_COST {
                return Err(PromqlError::LargeRegex);
            }
        }
        self.expects_regex = false;
        self.expects_duration = false;
        Ok(length)
    }

    fn word(&mut self, rest: &str) -> Result<usize, PromqlError> {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        if self.in_braces {
            return Ok(length);
        }
        let is_plain = word.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        let has_units = word.starts_with(|c: char| c.is_ascii_digit()) && is_duration(word);
        if self.in_brackets || self.expects_duration || (has_units && !is_plain) {
            check_duration(word)?;
        }
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        if ["and", "or", "unless", "atan2"].into_iter().any(is) {
            self.operators += 1;
        }
        self.expects_duration = is("offset");
        Ok(length)
    }
}

/// Refuses a duration that the parser misreads or panics on, such as `1e30` and `NaN`.
fn check_duration(word: &str) -> Result<(), PromqlError> {
    if is_duration(word) && word.split(|c: char| !c.is_ascii_digit()).all(is_short) {
        return Ok(());
    }
    let shown = word.get(..MAX_SHOWN.min(word.len())).unwrap_or_default();
    Err(PromqlError::Duration(shown.to_owned()))
}

/// Whether a word has only digits, units, and the `:` between the durations of a subquery.
fn is_duration(word: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_digit() || b"ywdhms.:".contains(&byte);
    word.bytes().all(known)
}

fn is_short(digits: &str) -> bool {
    digits.len() <= MAX_DIGITS
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.')
}

fn line(rest: &str) -> usize {
    rest.find(['\n', '\r']).map_or(rest.len(), |at| at + 1)
}

/// Estimates how large a regular expression becomes when it is compiled: its length, with classes such as
/// `\w` and `[^a]` counted for the characters that they stand for, times all its repetitions.
fn regex_cost(pattern: &str) -> u64 {
    let mut cost: u64 = 8;
    let mut repetitions: u64 = 1;
    for (at, c) in pattern.char_indices() {
        cost += match c {
            '\\' => 60,
            '.' | '[' => 8,
            // Ignoring case, each character is several.
            '(' if pattern[at..].starts_with("(?") => 16,
            c => c.len_utf8() as u64,
        };
        if c == '{' {
            repetitions = repetitions.saturating_mul(most_repeated(&pattern[at + 1..]));
        }
    }
    cost.saturating_mul(repetitions)
}

/// Returns the larger number of `3}` or `3,5}`, at least 1.
fn most_repeated(rest: &str) -> u64 {
    let numbers = rest.split('}').next().unwrap_or_default().split(',');
    let largest = numbers.map(|number| match number.trim() {
        "" => 0,
        number => number.parse().unwrap_or(1),
    });
    largest.max().unwrap_or(1).max(1)
}
