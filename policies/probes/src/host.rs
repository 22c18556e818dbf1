//! Hosts, as they are written in probes and commands.

/// Whether the host is the machine, or the Pod, that asks.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let name = host.strip_suffix('.').unwrap_or(host);
    matches!(
        name,
        "::1" | "::" | "0.0.0.0" | "0" | "ip6-localhost" | "localhost.localdomain"
    ) || name.eq_ignore_ascii_case("localhost")
        || (name.starts_with("127.") && is_ipv4(name))
}

/// Whether the host may be an address of the node itself, which is the Pod's own under
/// `hostNetwork`: loopback, or link-local, which node-local services such as a DNS cache bind.
/// The cloud's metadata service has a link-local address, too, and is somebody else.
pub(crate) fn may_be_on_node(host: &str) -> bool {
    is_loopback(host)
        || (host.starts_with("169.254.") && is_ipv4(host) && host != "169.254.169.254")
}

/// The host of a URL or of `host:port`, without user, port and path.
pub(crate) fn of(target: &str) -> &str {
    let after_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
    let end = after_scheme
        .find(['/', '?', '#'])
        .unwrap_or(after_scheme.len());
    let authority = &after_scheme[..end];
    let address = authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address);
    if let Some(v6) = address.strip_prefix('[') {
        return v6.split_once(']').map_or(v6, |(inside, _)| inside);
    }
    match address.split_once(':') {
        // More than one colon without brackets is a bare IPv6 address.
        Some((_, port)) if port.contains(':') => address,
        Some((name, _)) => name,
        None => address,
    }
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_found_whatever_surrounds_it() {
        for (target, host) in [
            ("http://db/health", "db"),
            ("https://user:pass@db.prod:8443/a?b#c", "db.prod"),
            ("localhost:8080/health", "localhost"),
            (":9090", ""),
            ("http://[::1]:8080/", "::1"),
            ("[fe80::1]:80", "fe80::1"),
            ("::1", "::1"),
            ("http://a?x=@b", "a"),
            ("http://", ""),
            ("", ""),
        ] {
            assert_eq!(of(target), host, "{target}");
        }
    }

    #[test]
    fn loopback_is_told_from_what_only_looks_like_it() {
        for host in [
            "localhost",
            "LocalHost",
            "localhost.",
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.0.0.1.nip.io",
            "127.com",
            "localhost.evil.example",
            "10.0.0.1",
            "::2",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_metadata_service_is_not_on_the_node() {
        assert!(may_be_on_node("169.254.20.10"));
        assert!(!may_be_on_node("169.254.169.254"));
        assert!(!may_be_on_node("169.254.20.10.nip.io"));
    }
}
