//! The only HTTP client for upstreams.
//!
//! The rules are checked against the addresses that a name resolves to, at the moment of connecting, so that a name
//! cannot be redirected to an internal address after the check. There are no redirects and no retries: a request is
//! sent to the connection's address, once. An outbound proxy (`HTTPS_PROXY`) changes none of that ([`proxy`]).

mod outgoing;
mod proxy;
mod resolver;
mod rules;
mod unreached;

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method};
use url::{Host, Url};

use crate::config::Outbound;

pub use outgoing::Outgoing;
use proxy::Proxy;
use resolver::{IDLE, KEEPALIVE, Resolver, USER_AGENT};
pub use rules::{AllowRule, InvalidRule};
pub use unreached::{Broken, Unreached};
use unreached::{Refused, root_cause};

/// The client for outbound requests. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<[AllowRule]>,
    pooled: Client,
    once: Client,
    proxy: Option<Proxy>,
}

impl Egress {
    /// Reaches the public internet and what `allow` names.
    ///
    /// If the machine has no root certificates, HTTPS upstreams fail, each with its own error; everything else works.
    ///
    /// # Errors
    /// If the TLS library cannot be set up.
    pub fn new(allow: Vec<AllowRule>) -> Result<Self, reqwest::Error> {
        let rules: Arc<[AllowRule]> = allow.into();
        let build = |idle_per_host: usize| {
            let configure = || configure(&rules).pool_max_idle_per_host(idle_per_host);
            configure().build().or_else(|error| {
                tracing::warn!(
                    error = root_cause(&error),
                    "no root certificates found, neither the system's nor by SSL_CERT_FILE and SSL_CERT_DIR, https upstreams cannot be trusted"
                );
                configure().tls_certs_only([]).build()
            })
        };
        Ok(Self { pooled: build(usize::MAX)?, once: build(0)?, rules: rules.clone(), proxy: None })
    }

    /// The same through the configured proxies.
    #[must_use]
    pub fn by_way_of(self, outbound: &Outbound) -> Self {
        Self { proxy: Proxy::new(outbound, &self.rules), ..self }
    }

    /// Starts a request. `once` gives it a TCP connection of its own: the other side could close a kept connection at
    /// the moment of sending, and it would not be known whether the request was read.
    ///
    /// # Errors
    /// If the URL has a literal address that the rules refuse. Names are checked when they are resolved; see
    /// [`Unreached`].
    pub(crate) fn request(&self, method: Method, url: &Url, once: bool) -> Result<Outgoing, Unreached> {
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
        let proxied = self.proxy.as_ref().and_then(|proxy| proxy.client(url, once));
        Ok(Outgoing::new(client.request(method, url.clone()), proxied))
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
        .user_agent(USER_AGENT)
}
