//! Whom the usual network tools ask, by their arguments.

use super::words::{Token, Tokens};
use crate::host;

/// The host that a network tool asks, where that is surely another than the Pod itself.
pub(super) fn foreign_target<'a>(program: &str, arguments: Tokens<'a>) -> Option<&'a str> {
    let words = arguments.map_while(|token| match token {
        Token::Word(word) => Some(word),
        Token::End => None,
    });
    let target = match program {
        "curl" => fetched(words, &CURL),
        "wget" => fetched(words, &WGET),
        "nc" | "ncat" | "netcat" => connected(words),
        "grpc_health_probe" | "grpc-health-probe" => option(words, &["-addr", "--addr"]),
        "redis-cli" | "valkey-cli" | "pg_isready" | "psql" | "mysqladmin" | "mysql" | "mariadb"
        | "mariadb-admin" | "mongosh" | "mongo" => option(words, &["-h", "--host"]),
        _ => None,
    }?;
    is_foreign(target).then_some(target)
}

/// Whether the target names a host, and that is not the Pod. What a variable decides is not
/// judged, nor is a path, which is a socket.
fn is_foreign(target: &str) -> bool {
    let host = host::of(target);
    !host.is_empty() && !host.contains(['$', '`', '%', '\\']) && !host::is_loopback(host)
}

/// How a tool that fetches URLs reads its options.
struct Fetcher {
    /// One-letter options that take a value.
    letters: &'static str,
    /// Long options that take the next word as their value.
    words: &'static [&'static str],
    /// Options that send the request elsewhere than the URL says.
    detours: &'static [&'static str],
}

const CURL: Fetcher = Fetcher {
    letters: "AbcCdDeEFHKmoPQrtTuUwxXyYz",
    words: &[
        "--cacert",
        "--cert",
        "--connect-timeout",
        "--cookie",
        "--data",
        "--data-raw",
        "--header",
        "--interface",
        "--key",
        "--max-time",
        "--output",
        "--proxy",
        "--referer",
        "--request",
        "--retry",
        "--retry-delay",
        "--retry-max-time",
        "--user",
        "--user-agent",
        "--write-out",
    ],
    detours: &[
        "--unix-socket",
        "--abstract-unix-socket",
        "--resolve",
        "--connect-to",
        "-K",
        "--config",
    ],
};

const WGET: Fetcher = Fetcher {
    letters: "aeioOPtTUY",
    words: &[
        "--ca-certificate",
        "--header",
        "--http-password",
        "--http-user",
        "--output-document",
        "--output-file",
        "--password",
        "--post-data",
        "--timeout",
        "--tries",
        "--user",
        "--user-agent",
    ],
    detours: &[],
};

/// The first foreign URL among the arguments, else the first URL.
fn fetched<'a>(mut words: impl Iterator<Item = &'a str>, tool: &Fetcher) -> Option<&'a str> {
    let mut target = None;
    while let Some(word) = words.next() {
        if tool.detours.contains(&word) {
            return None;
        }
        if takes_value(word, tool) {
            words.next();
        } else if !word.starts_with('-')
            && is_address(word)
            && target.is_none_or(|kept| !is_foreign(kept))
        {
            target = Some(word);
        }
    }
    target
}

/// Whether the word is an option whose value is the next word: `-o`, `-sfo`, `--output`. In
/// `-oFILE` the value is part of the word.
fn takes_value(word: &str, tool: &Fetcher) -> bool {
    if word.starts_with("--") {
        return tool.words.contains(&word);
    }
    let Some(cluster) = word.strip_prefix('-') else {
        return false;
    };
    cluster
        .find(|letter| tool.letters.contains(letter))
        .is_some_and(|at| at + 1 == cluster.len())
}

/// Whether a word can be what a fetcher fetches. A bare name without dot, port or path could as
/// well be the value of an option that is not known here.
fn is_address(word: &str) -> bool {
    word.contains("://")
        || (word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && word.contains(['.', ':', '/']))
}

/// The host of `nc`: the first argument that is no option nor its value, where a port follows.
fn connected<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut host = None;
    while let Some(word) = words.next() {
        if let Some(options) = word.strip_prefix('-') {
            if options.contains(['l', 'U']) {
                return None;
            }
            if options.ends_with(['w', 'p', 's', 'q', 'i', 'x', 'X', 'T', 'I', 'O']) {
                words.next();
            }
        } else if host.is_some() {
            return host.filter(|_| word.parse::<u16>().is_ok());
        } else {
            host = Some(word);
        }
    }
    None
}

/// The value of an option, as `-h value`, `-hvalue`, `--host value` or `--host=value`.
fn option<'a>(mut words: impl Iterator<Item = &'a str>, names: &[&str]) -> Option<&'a str> {
    while let Some(word) = words.next() {
        for name in names {
            let Some(rest) = word.strip_prefix(name) else {
                continue;
            };
            match rest.strip_prefix('=') {
                Some(value) => return Some(value),
                None if rest.is_empty() => return words.next(),
                None if name.len() == 2 => return Some(rest),
                None => {}
            }
        }
    }
    None
}
