//! Hosts in probes and commands.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether the host is the requesting machine or Pod itself. As a target, the unspecified address
/// means loopback.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    is_loopback_name(&name)
        || name.parse().is_ok_and(is_loopback_v6)
        || ipv4(&name).is_some_and(is_loopback_v4)
}

/// Whether the name is loopback: one that the kubelet and images write into /etc/hosts, or that
/// resolvers answer themselves.
fn is_loopback_name(name: &str) -> bool {
    name.ends_with(".localhost")
        || matches!(
            name,
            "localhost"
                | "localhost4"
                | "localhost6"
                | "localhost.localdomain"
                | "localhost4.localdomain4"
                | "localhost6.localdomain6"
                | "ip6-localhost"
                | "ip6-loopback"
        )
}

fn is_loopback_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.to_ipv4_mapped().is_some_and(is_loopback_v4)
}

fn is_loopback_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// Parses an address as the C library does: one to four numbers, of which the last fills the rest,
/// each decimal, `0x…` or octal. Examples are `127.1` and `0`.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut numbers: Vec<u32> = Vec::new();
    for part in text.split('.') {
        let (digits, base) = match part.as_bytes() {
            [b'0', b'x', ..] => (&part[2..], 16),
            [b'0', _, ..] => (&part[1..], 8),
            _ => (part, 10),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        numbers.push(
            is_number
                .then(|| u32::from_str_radix(digits, base).ok())
                .flatten()?,
        );
    }
    let (last, bytes) = numbers.split_last()?;
    let free: u32 = match bytes.len() {
        0 => 32,
        1 => 24,
        2 => 16,
        3 => 8,
        _ => return None,
    };
    if u64::from(*last) >= 1 << free {
        return None;
    }
    let mut address = *last;
    for (index, byte) in (0_u32..).zip(bytes) {
        let byte = u8::try_from(*byte).ok()?;
        address |= u32::from(byte) << (24 - 8 * index);
    }
    Some(address.into())
}

/// Whether the host may be an address of the node, which is also the Pod's own under `hostNetwork`:
/// loopback, or a link-local address, which node-local services such as a DNS cache use. The
/// cloud's metadata service also has a link-local address, but is another host.
pub(crate) fn may_be_on_node(host: &str) -> bool {
    is_loopback(host)
        || host.parse::<Ipv4Addr>().is_ok_and(|address| {
            address.is_link_local() && address != Ipv4Addr::new(169, 254, 169, 254)
        })
}

/// Returns the host of a URL or of `host:port`, without user, port and path.
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
        // More than one colon without brackets means a bare IPv6 address.
        Some((_, port)) if port.contains(':') => address,
        Some((name, _)) => name,
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_a_url_is_found() {
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
    fn loopback_is_distinguished_from_similar_names() {
        for host in [
            "localhost",
            "LocalHost",
            "localhost.",
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "[::1]",
            "LOCALHOST",
            "app.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            "IP6-Loopback",
            "0.0.0.0",
            "0",
            "127.1",
            "0x7f.0.0.1",
            "017700000001",
            "2130706433",
            "::",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.0.0.1.nip.io",
            "127.com",
            "localhost.evil.example",
            "10.0.0.1",
            "::2",
            "::ffff:10.0.0.1",
            "localhost-2",
            "mylocalhost",
            "128.1",
            "127.0.0.0.1",
            "127.0.0.256",
            "0x",
            "1",
            "",
            ".",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn metadata_service_is_not_on_the_node() {
        assert!(may_be_on_node("169.254.20.10"));
        assert!(!may_be_on_node("169.254.169.254"));
        assert!(!may_be_on_node("169.254.20.10.nip.io"));
    }
}
