//! `NO_PROXY`: hosts that are reached without the proxies of the environment, following curl's rules.
//! <https://curl.se/docs/manpage.html> (`--noproxy` and its environment variable)

use std::net::IpAddr;

/// The list of hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

/// One entry: the hosts that it matches, and the port if the entry applies to one port only.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// The name and all its subdomains.
    Domain(String),
    /// An address, or the network with this prefix length.
    Network(IpAddr, u8),
}

impl NoProxy {
    /// Reads the list from the environment variable `no_proxy`, else `NO_PROXY`.
    pub(crate) fn from_environment() -> Self {
        let list = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| std::env::var(name).ok());
        Self::parse(&list.unwrap_or_default())
    }

    fn parse(list: &str) -> Self {
        let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Self(entries.map(|entry| Entry::parse(&entry.to_ascii_lowercase())).collect())
    }

    /// Whether a host is reached directly. `default_port` applies if `host` has no port.
    pub(crate) fn covers(&self, host: &str, default_port: u16) -> bool {
        let (name, port) = split_port(host);
        let (name, port) = (name.trim_end_matches('.').to_ascii_lowercase(), port.unwrap_or(default_port));
        self.0.iter().any(|entry| entry.port.is_none_or(|own| own == port) && entry.hosts.has(&name))
    }
}

impl Entry {
    fn parse(text: &str) -> Self {
        let (name, port) = split_port(text);
        let hosts = match (name, network(name)) {
            ("*", _) => Hosts::All,
            (_, Some((address, bits))) => Hosts::Network(address, bits),
            _ => Hosts::Domain(
                name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_owned(),
            ),
        };
        Self { hosts, port }
    }
}

impl Hosts {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Domain(domain) => {
                let before = name.strip_suffix(domain.as_str());
                !domain.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            Self::Network(network, bits) => {
                name.parse::<IpAddr>().is_ok_and(|address| same_bits(address, *network, *bits))
            }
        }
    }
}

/// Splits host and port, and removes the brackets of an IPv6 address.
fn split_port(text: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

/// Parses `10.0.0.1` or `10.0.0.0/8`.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    Some((address, bits.unwrap_or(all).min(all)))
}

fn same_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let (one, other, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one).into(), u32::from(other).into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one), u128::from(other), 128),
        _ => return false,
    };
    let ignored = width - u32::from(bits);
    ignored == 128 || one >> ignored == other >> ignored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_exempt_by_curls_rules() {
        for (list, host, exempt) in [
            ("*", "anything:9000", true),
            ("a.example, *", "other", true),
            ("", "h", false),
            ("localhost:9000", "localhost:9000", true),
            ("localhost:9000", "localhost:9001", false),
            ("localhost:443", "localhost", true),
            ("localhost", "localhost:9000", true),
            ("Example.ORG", "s3.example.org", true),
            (".example.org", "example.org", true),
            ("*.example.org", "bucket.example.org", true),
            ("example.org", "notexample.org", false),
            ("example.org.", "example.org", true),
            ("10.0.0.0/8", "10.1.2.3:9000", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("::1", "[::1]:9000", true),
            ("[::1]:9000", "[::1]:9000", true),
            ("[::1]:9000", "[::1]:1", false),
            ("a b", "b", true),
        ] {
            assert_eq!(NoProxy::parse(list).covers(host, 443), exempt, "{list} {host}");
        }
    }
}
