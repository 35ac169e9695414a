//! The only HTTP client towards upstreams.
//!
//! What may be reached is checked on the addresses that names resolve to, at the
//! moment of connecting, so that a name cannot point inside after it was checked.
//! There are no redirects, no proxies from the environment and no retries: what
//! is sent is sent where the connection says, once.

mod rules;
mod unreached;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use url::{Host, Url};

pub use rules::{AllowRule, InvalidRule};
pub(super) use unreached::Unreached;
use unreached::{Refused, Unresolved, root_cause};

/// Node closes idle sockets after 5 s: a kept connection is given up before.
const IDLE: Duration = Duration::from_secs(4);
/// Finds peers that vanished without a word under a stream that stays silent.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The gateway's way out. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<[AllowRule]>,
    pooled: Client,
    once: Client,
}

impl Egress {
    /// A way out to the public internet and to what `allow` names.
    ///
    /// Without root certificates on the machine HTTPS upstreams fail, each with
    /// its own error; everything else works.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(allow: Vec<AllowRule>) -> Result<Self, reqwest::Error> {
        let rules: Arc<[AllowRule]> = allow.into();
        let build = |idle_per_host: usize| {
            let configure = || configure(&rules).pool_max_idle_per_host(idle_per_host);
            configure().build().or_else(|error| {
                tracing::warn!(
                    error = root_cause(&error),
                    "no root certificates found, https upstreams cannot be trusted"
                );
                configure().tls_certs_only([]).build()
            })
        };
        Ok(Self { pooled: build(usize::MAX)?, once: build(0)?, rules: rules.clone() })
    }

    /// Starts a request. `once` gives it a TCP connection of its own: one that
    /// was kept open could be closed by the other side at the moment of sending,
    /// and nobody would know whether the request was read.
    ///
    /// # Errors
    /// When the address is a literal one that the rules refuse. Names are
    /// checked when they are resolved; see [`Unreached`].
    pub(super) fn request(&self, method: Method, url: &Url, once: bool) -> Result<RequestBuilder, Unreached> {
        // Literal addresses never reach the resolver.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = literal
            && !rules::address_is_allowed(&self.rules, address)
        {
            return Err(Refused::literal(address).into());
        }
        let client = if once { &self.once } else { &self.pooled };
        Ok(client.request(method, url.clone()))
    }
}

fn configure(rules: &Arc<[AllowRule]>) -> ClientBuilder {
    Client::builder()
        .dns_resolver(Resolver { rules: rules.clone() })
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEPALIVE)
        .user_agent(concat!("permesso/", env!("CARGO_PKG_VERSION")))
}

/// The system's resolver, without the addresses that may not be reached.
struct Resolver {
    rules: Arc<[AllowRule]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| Unresolved(host.to_owned(), error))?;
            if rules::host_is_allowed(&rules, host) {
                return Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs);
            }
            let (open, closed): (Vec<_>, Vec<_>) =
                found.partition(|found| rules::address_is_allowed(&rules, found.ip()));
            match (open.is_empty(), closed.first()) {
                (true, Some(address)) => Err(Refused::resolved(host, address.ip()).into()),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}
