//! The hosts that common network tools contact, according to their arguments.

use crate::host;

/// Returns the host that a network tool contacts, where that is certainly not the Pod itself.
pub(super) fn foreign_target<'a>(program: &str, arguments: &'a [String]) -> Option<&'a str> {
    let words = arguments.iter().map(String::as_str);
    let target = match program {
        "curl" => fetched(words, &CURL),
        "wget" => fetched(words, &WGET),
        "nc" | "ncat" | "netcat" => connected(words),
        "grpc_health_probe" | "grpc-health-probe" => {
            option(words, &["-addr", "--addr"]).map(without_resolver)
        }
        "redis-cli" | "valkey-cli" | "pg_isready" | "psql" | "mysqladmin" | "mysql" | "mariadb"
        | "mariadb-admin" | "mongosh" | "mongo" => option(words, &["-h", "--host"]),
        _ => None,
    }?;
    is_foreign(target).then_some(target)
}

/// Whether the target is a host other than the Pod. A target with a variable is not, nor is a path,
/// which is a socket.
fn is_foreign(target: &str) -> bool {
    if target.starts_with("unix:") {
        return false;
    }
    let host = host::of(target);
    !host.is_empty() && !host.contains(['$', '`', '%', '\\']) && !host::is_loopback(host)
}

/// Returns the address of a gRPC target such as `dns:db:50051`, without its resolver.
fn without_resolver(target: &str) -> &str {
    ["dns:", "ipv4:", "ipv6:", "passthrough:"]
        .into_iter()
        .filter_map(|resolver| target.strip_prefix(resolver))
        // Without this, a host with the name of a resolver would be reduced to its port.
        .find(|address| !address.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(target)
}

/// The option syntax of a tool that fetches URLs. A long option that is in neither list takes the
/// next word, unless that is a URL.
struct Fetcher {
    /// One-letter options that take a value.
    letters: &'static str,
    /// Long options that take no value.
    flags: &'static [&'static str],
    /// Long options whose value may look like a URL.
    texts: &'static [&'static str],
    /// Options that send the request to another host than that of the URL.
    detours: &'static [&'static str],
}

const CURL: Fetcher = Fetcher {
    letters: "AbcCdDeEFHKmoPQrtTuUwxXyYz",
    flags: &[
        "--compressed",
        "--fail",
        "--fail-with-body",
        "--get",
        "--head",
        "--http1.1",
        "--http2",
        "--include",
        "--insecure",
        "--ipv4",
        "--ipv6",
        "--location",
        "--no-progress-meter",
        "--show-error",
        "--silent",
        "--tlsv1.2",
        "--tlsv1.3",
        "--verbose",
    ],
    texts: &[
        "--cookie",
        "--data",
        "--data-binary",
        "--data-raw",
        "--form",
        "--header",
        "--json",
        "--preproxy",
        "--proxy",
        "--referer",
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
    flags: &[
        "--content-on-error",
        "--debug",
        "--no-check-certificate",
        "--no-proxy",
        "--no-verbose",
        "--quiet",
        "--server-response",
        "--spider",
        "--verbose",
    ],
    texts: &["--header", "--post-data", "--referer", "--user-agent"],
    detours: &[],
};

/// Returns the first foreign address among the arguments, else the first address.
fn fetched<'a>(words: impl Iterator<Item = &'a str>, tool: &Fetcher) -> Option<&'a str> {
    let mut target = None;
    let mut before = Before::Nothing;
    for word in words {
        let option = word.split_once('=').map_or(word, |(option, _)| option);
        if tool.detours.contains(&option) {
            return None;
        }
        let is_value = match before {
            Before::Nothing => false,
            Before::Option => true,
            Before::UnknownOption => !word.contains("://"),
        };
        before = if is_value {
            Before::Nothing
        } else {
            tool.option(word)
        };
        let is_target = !is_value && !word.starts_with('-') && is_address(word);
        if is_target && target.is_none_or(|kept| !is_foreign(kept)) {
            target = Some(word);
        }
    }
    target
}

/// The meaning of the next word.
#[derive(Clone, Copy)]
enum Before {
    /// It is a word of its own.
    Nothing,
    /// It is the option's value.
    Option,
    /// It is the option's value, unless it is a URL.
    UnknownOption,
}

impl Fetcher {
    /// Returns how the word affects the next one: `-o`, `-sfo` and `--output` take it as their
    /// value; `-oFILE` does not.
    fn option(&self, word: &str) -> Before {
        if word.starts_with("--") {
            return if self.texts.contains(&word) {
                Before::Option
            } else if self.flags.contains(&word) || word.contains('=') {
                Before::Nothing
            } else {
                Before::UnknownOption
            };
        }
        let Some(cluster) = word.strip_prefix('-') else {
            return Before::Nothing;
        };
        match cluster.find(|letter| self.letters.contains(letter)) {
            Some(at) if at + 1 == cluster.len() => Before::Option,
            _ => Before::Nothing,
        }
    }
}

/// Whether a word can be what is fetched. A bare name without dot, port or path may as well be the
/// value of an unknown option.
fn is_address(word: &str) -> bool {
    word.contains("://")
        || (word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && word.contains(['.', ':', '/']))
}

/// Returns the host of `nc`: the first argument that is neither an option nor its value, if a port
/// follows.
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

/// Returns the value of an option: `-h value`, `-hvalue`, `--host value` or `--host=value`.
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
