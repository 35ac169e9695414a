//! Resolves names to permitted addresses, and holds the settings shared by direct and proxied connections.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{
    rules::{self, AllowRule},
    unreached::{Refused, Unresolved},
};

/// Node closes idle sockets after 5 s: a kept connection is dropped before that.
pub(super) const IDLE: Duration = Duration::from_secs(4);
/// Detects peers that vanished while a stream is silent.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
/// The gateway's user agent.
pub(super) const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("permesso/", env!("CARGO_PKG_VERSION")));

/// The system's resolver, without the addresses that the rules refuse.
pub(super) struct Resolver {
    pub(super) rules: Arc<[AllowRule]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules.clone();
        Box::pin(async move {
            let found = checked(&rules, name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a host, without those that the rules refuse. Their ports are 0.
///
/// # Errors
/// The host has no address, or no permitted one.
pub(super) async fn checked(
    rules: &[AllowRule],
    host: &str,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| Unresolved(host.to_owned(), error))?;
    if rules::host_is_allowed(rules, host) {
        return Ok(found.collect());
    }
    let (open, closed): (Vec<_>, Vec<_>) = found.partition(|found| rules::address_is_allowed(rules, found.ip()));
    match (open.is_empty(), closed.first()) {
        (true, Some(address)) => Err(Refused::resolved(host, address.ip()).into()),
        _ => Ok(open),
    }
}
