//! Where a request comes from: its peer, or what a trusted proxy says of it
//! (`PERMESSO_TRUSTED_PROXIES`). Anybody else's forwarded headers are ignored.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use crate::{api::authorize::ClientAddress, service::Services};

/// Puts the client's address into the request.
pub(super) async fn find(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let address = client(peer.ip(), forwarded, &services.trusted_proxies);
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

/// The last address that no trusted proxy has: each proxy appends whom it speaks for, so what stands
/// before the first stranger is that stranger's own claim.
fn client<'a>(peer: IpAddr, forwarded: impl Iterator<Item = &'a str>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut found = peer.to_canonical();
    let said: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    for entry in said.into_iter().rev() {
        if !is_trusted(found) {
            break;
        }
        // Some proxies write the port too. One that writes no address is as far as we can see.
        let entry = entry.trim();
        let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
        let Ok(address) = address else { break };
        found = address.to_canonical();
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client(peer.parse().unwrap(), forwarded.iter().copied(), &trusted).to_string()
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
