//! How long a preStop hook waits, as far as its text shows.

use rollgate_sdk::Handler;
use rollgate_sdk::command::{self, Runs};

/// Returns the seconds that a hook certainly takes, rounded up: those of the `sleep` action, or of
/// the `sleep` commands that it runs one after the other. `None` where it does not wait for a
/// number of seconds that can be read.
pub(crate) fn seconds(hook: &Handler) -> Option<u64> {
    match hook {
        Handler::Sleep(seconds) => u64::try_from(*seconds).ok(),
        Handler::Exec(words) => of_command(words).map(|millis| millis.div_ceil(1000)),
        _ => None,
    }
}

/// Words of the shell that make a command run any number of times, or perhaps not at all.
const BRANCHES: &[&str] = &["while", "until", "for", "if", "case", "select", "function"];

/// Returns the milliseconds that a command sleeps.
fn of_command(words: &[String]) -> Option<u64> {
    match command::runs(words)? {
        Runs::Program("sleep", arguments) => of_arguments(arguments),
        Runs::Program(..) => None,
        Runs::Script(text) => of_script(&text),
    }
}

/// Adds up the sleeps of a script. With a loop or a branch nobody knows how long it takes, nor with
/// a command in the background.
fn of_script(text: &str) -> Option<u64> {
    let script = command::parse_script(text);
    let branches = |words: &Vec<String>| words.iter().any(|word| BRANCHES.contains(&word.as_str()));
    if script.commands.iter().any(branches) || has_background(text) || text.contains("||") {
        return None;
    }
    let sleeps = script.commands.iter().filter_map(|words| {
        let runs = command::runs(words)?;
        match runs {
            Runs::Program("sleep", arguments) => of_arguments(arguments),
            _ => None,
        }
    });
    sleeps.reduce(u64::saturating_add)
}

/// Whether something runs in the background: a single `&` that is no redirection.
fn has_background(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_single = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(at + 1);
        !matches!(before, Some(b'&' | b'>' | b'<')) && !matches!(after, Some(b'&' | b'>'))
    };
    text.match_indices('&').any(|(at, _)| is_single(at))
}

/// Adds up the arguments of `sleep`: numbers, with a unit in most implementations.
fn of_arguments(arguments: &[String]) -> Option<u64> {
    let mut sum: u64 = 0;
    for argument in arguments {
        sum = sum.saturating_add(millis(argument)?);
    }
    (!arguments.is_empty()).then_some(sum)
}

fn millis(argument: &str) -> Option<u64> {
    let (number, unit) = match argument.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, argument.as_bytes()[number.len()]),
        None => (argument, b's'),
    };
    let seconds = match unit {
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86400,
        _ => 1,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Three digits of the fraction, rounded up: a hook must not seem shorter than it is.
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let more = fraction.bytes().skip(3).any(|digit| digit != b'0');
    let thousandths = thousandths.parse::<u64>().ok()? + u64::from(more);
    let millis = whole.checked_mul(1000)?.checked_add(thousandths)?;
    millis.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(words: &[&str]) -> Option<u64> {
        seconds(&Handler::Exec(
            words.iter().map(|&word| word.to_owned()).collect(),
        ))
    }

    #[test]
    fn sleep_is_recognized() {
        assert_eq!(seconds(&Handler::Sleep(10)), Some(10));
        for (words, expected) in [
            (&["sleep", "10"][..], 10),
            (&["/bin/sleep", "10"], 10),
            (&["sleep", "0.5"], 1),
            (&["sleep", "1.0001"], 2),
            (&["sleep", ".25", "1m"], 61),
            (&["sleep", "10s"], 10),
            (&["busybox", "sleep", "7"], 7),
            (&["sh", "-c", "sleep 10"], 10),
            (&["/bin/bash", "-ec", "sleep 10"], 10),
            (&["sh", "-c", "sleep 5 && nginx -s quit"], 5),
            (&["sh", "-c", "sleep 5; kill -TERM 1; sleep 20"], 25),
            (&["sh", "-c", "exec sleep 3 >/dev/null 2>&1"], 3),
            (&["sh", "-c", "sh -c 'x'; sleep 3"], 3),
        ] {
            assert_eq!(exec(words), Some(expected), "{words:?}");
        }
    }

    #[test]
    fn what_takes_an_unknown_time_is_not_guessed() {
        for words in [
            &[][..],
            &["nginx", "-s", "quit"],
            &["sleep"],
            &["sleep", "infinity"],
            &["sleep", "$DELAY"],
            &["sh", "-c", "sleep $DELAY"],
            &["sh", "-c", "echo sleep 10"],
            &["sh", "-c", "# sleep 10"],
            &["sh", "-c", "while nc -z localhost 80; do sleep 1; done"],
            &["sh", "-c", "if true; then sleep 10; fi"],
            &["sh", "-c", "sleep 10 & wait -n"],
            &["sh", "-c", "drain || sleep 10"],
            &["sleep", "-5"],
            &["sleep", "1e3"],
            &["sleep", "99999999999999999999d"],
        ] {
            assert_eq!(exec(words), None, "{words:?}");
        }
        assert_eq!(seconds(&Handler::Sleep(-1)), None);
        assert_eq!(seconds(&Handler::Other(String::new())), None);
    }
}
