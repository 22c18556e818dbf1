//! What a command of a container, probe or hook runs, as far as its text shows.
//!
//! Shell scripts are split as a shell splits them. What depends on a variable is not evaluated.
//!
//! ```
//! use rollgate_sdk::command;
//!
//! let words = ["sh", "-c", "exec nice /bin/sleep 10"].map(str::to_owned);
//! let seconds = command::find(&words, &|program, arguments| {
//!     (program == "sleep").then(|| arguments.join(" "))
//! });
//! assert_eq!(seconds.as_deref(), Some("10"));
//! ```

mod shell;
mod wrappers;

pub use shell::{Script, parse as parse_script};
pub use wrappers::{Runs, runs};

/// The maximum depth of scripts in scripts, which bounds the time.
const DEEPEST: u8 = 8;

/// Returns the first result of `look`, which is called for each program in a command and in the
/// scripts that it runs, with the program's file name and arguments.
pub fn find<T, F>(command: &[String], look: &F) -> Option<T>
where
    F: Fn(&str, &[String]) -> Option<T>,
{
    find_within(command, DEEPEST, look)
}

fn find_within<T, F>(command: &[String], deepest: u8, look: &F) -> Option<T>
where
    F: Fn(&str, &[String]) -> Option<T>,
{
    match runs(command)? {
        Runs::Program(program, arguments) => look(program, arguments),
        Runs::Script(text) => find_in_script(&text, deepest.checked_sub(1)?, look),
    }
}

fn find_in_script<T, F>(text: &str, deepest: u8, look: &F) -> Option<T>
where
    F: Fn(&str, &[String]) -> Option<T>,
{
    let script = parse_script(text);
    let mut commands = script.commands.iter();
    let found = commands.find_map(|command| find_within(command, deepest, look));
    found.or_else(|| {
        let deeper = deepest.checked_sub(1)?;
        let mut nested = script.nested.iter();
        nested.find_map(|text| find_in_script(text, deeper, look))
    })
}

/// Returns the name of a program without its folder.
#[must_use]
pub fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}
