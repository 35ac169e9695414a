//! The address of the client: the peer's, or the one that a trusted proxy states (`PERMESSO_TRUSTED_PROXIES`).
//! Forwarded headers of all others are ignored and logged.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use super::seldom::Seldom;
use crate::api::support::authorize::ClientAddress;

/// The header in which proxies state their client.
const FORWARDED: &str = "x-forwarded-for";

/// The trusted proxies.
pub(super) struct Proxies {
    trusted: Vec<IpNet>,
    /// Anybody can send the header, so the log message is rate-limited.
    ignored: Seldom,
}

impl Proxies {
    pub(super) fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted, ignored: Seldom::new(Duration::from_secs(3_600)) }
    }

    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Whether there is no trusted proxy.
    pub(super) fn is_nobody(&self) -> bool {
        self.trusted.is_empty()
    }

    /// The last address that is not a trusted proxy's. Each proxy appends its client, so everything before the first
    /// other address is only that client's claim.
    fn client<'a>(&self, peer: IpAddr, forwarded: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut found = peer.to_canonical();
        let said: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        for entry in said.into_iter().rev() {
            if !self.is_trusted(found) {
                break;
            }
            // Some proxies append the port too. An entry that is no address ends the search.
            let entry = entry.trim();
            let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
            let Ok(address) = address else { break };
            found = address.to_canonical();
        }
        found
    }
}

/// For the log: the networks as they are compared.
impl std::fmt::Display for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((first, rest)) = self.trusted.split_first() else { return f.write_str("none") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|network| write!(f, ", {network}"))
    }
}

/// Sets the client's address in the request.
pub(super) async fn find(State(proxies): State<Arc<Proxies>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        if request.headers().contains_key(FORWARDED) && !proxies.is_trusted(peer.ip()) && proxies.ignored.is_due() {
            tracing::warn!(
                peer = %peer.ip(),
                "X-Forwarded-For of a peer that is no trusted proxy is ignored: if this is a proxy of yours, add it to \
                 PERMESSO_TRUSTED_PROXIES, or everybody behind it counts as one address (said once an hour)"
            );
        }
        let forwarded = request.headers().get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
        let address = proxies.client(peer.ip(), forwarded);
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        proxies.client(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn a_strangers_header_is_ignored() {
        assert_eq!(seen("203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
    }

    #[test]
    fn the_last_stranger_before_the_proxies_is_the_client() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            seen("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1",
            "the first is its own claim"
        );
        assert_eq!(seen("10.0.0.1", &["1.2.3.4", "198.51.100.1"]), "198.51.100.1", "two headers are one list");
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1", "with a port");
    }

    #[test]
    fn without_a_usable_header_it_is_the_proxy() {
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["unknown"]), "10.0.0.1");
    }
}
