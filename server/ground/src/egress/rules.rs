//! The addresses that the gateway may reach. No IO.
//!
//! Org admins enter upstream addresses, so a connection must not open the internal network of the gateway (above all
//! its cloud's metadata service). Everything outside the public internet is refused unless the operator allowed it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One entry of `PERMESSO_EGRESS_ALLOW`: an address outside the public internet that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowRule {
    /// A network, or a single address: `10.1.0.0/16`, `127.0.0.1`, `fd00::/8`.
    Network(IpNet),
    /// A host by its exact name, whatever it resolves to.
    Host(String),
    /// Every host below a name, `*.internal.example`, but not the name itself.
    Suffix(String),
}

/// An entry of `PERMESSO_EGRESS_ALLOW` that is neither host, `*.suffix` nor network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, `*.suffix`, address or network such as 10.0.0.0/8")]
pub struct InvalidRule(String);

impl FromStr for AllowRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let text = text.trim();
        let invalid = || InvalidRule(text.to_owned());
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(network) = bare.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let (suffix, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // As a URL would spell it: lower case, punycode; also refuses ports and paths.
        match url::Host::parse(name) {
            Ok(url::Host::Domain(name)) if !name.contains('*') => {
                let name = name.trim_end_matches('.').to_owned();
                Ok(if suffix { Self::Suffix(name) } else { Self::Host(name) })
            }
            _ => Err(invalid()),
        }
    }
}

impl AllowRule {
    /// Parses the comma-separated list of `PERMESSO_EGRESS_ALLOW`; empty entries are skipped.
    ///
    /// # Errors
    /// Names the first entry that is not a rule.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidRule> {
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::parse).collect()
    }

    fn allows_host(&self, host: &str) -> bool {
        match self {
            Self::Network(_) => false,
            Self::Host(name) => name == host,
            Self::Suffix(suffix) => {
                host.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
        }
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network(network) if network.contains(&address))
    }
}

/// Whether a rule names this host, whatever it resolves to.
pub(super) fn host_is_allowed(rules: &[AllowRule], host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    rules.iter().any(|rule| rule.allows_host(&host))
}

/// Whether connecting to this address is permitted: it is public, or its network is allowed.
pub(super) fn address_is_allowed(rules: &[AllowRule], address: IpAddr) -> bool {
    // The address that the socket really uses decides: ::ffff:10.0.0.1 is 10.0.0.1.
    let address = address.to_canonical();
    is_public(address) || rules.iter().any(|rule| rule.allows_address(address))
}

/// Whether an address belongs to the public internet (IANA special-purpose
/// registries, RFC 6890 and its successors; cloud metadata services).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32), // Azure's metadata and DNS, inside public space
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The only range that is allocated as global unicast.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
/// NAT64 (RFC 6052): the last 32 bits are the actual IPv4 address.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),     // IETF protocols, Teredo among them: wraps IPv4
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16),     // 6to4: wraps IPv4
    v6(0x3fff, 0, 0, 20),     // documentation
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    if NAT64.contains(&address) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn allowed(rules: &str, address: &str) -> bool {
        let rules = AllowRule::parse_list(rules).unwrap();
        address_is_allowed(&rules, address.parse().unwrap())
    }

    #[test]
    fn only_the_public_internet_is_open_by_itself() {
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(allowed("", public), "{public}");
        }
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "168.63.129.16",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!allowed("", private), "{private}");
        }
    }

    #[test]
    fn a_network_rule_opens_that_network_only() {
        assert!(allowed("10.1.0.0/16", "10.1.2.3"));
        assert!(allowed("10.1.2.3/16", "10.1.9.9"), "host bits do not matter");
        assert!(!allowed("10.1.0.0/16", "10.2.0.1"));
        assert!(allowed("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!allowed("127.0.0.1", "127.0.0.2"));
        assert!(allowed("[::1], fd00::/8", "::1"));
    }

    #[test]
    fn host_rules_match_whole_names() {
        let rules = AllowRule::parse_list("Localhost, *.corp.example.").unwrap();
        for host in ["localhost", "LOCALHOST.", "a.corp.example", "a.b.corp.example"] {
            assert!(host_is_allowed(&rules, host), "{host}");
        }
        for host in ["xlocalhost", "corp.example", ".corp.example", "evilcorp.example"] {
            assert!(!host_is_allowed(&rules, host), "{host}");
        }
    }

    #[test]
    fn nonsense_is_no_rule() {
        for text in ["*", "*.*", "host:80", "http://host", "10.0.0.0/99", "a b", "*.10.0.0.1"] {
            assert!(text.parse::<AllowRule>().is_err(), "{text}");
        }
        assert_eq!(AllowRule::parse_list(" , ").unwrap(), Vec::new());
    }
}
