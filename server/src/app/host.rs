//! Validates the host that a request names (`Host`), for every route and before anything else. A page that makes a name
//! of its own point here (DNS rebinding) therefore reaches nothing: not an agent's endpoint, not sign-in, and not what
//! is public (MCP, "Streamable HTTP", security).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

use crate::{
    config::{AllowedHosts, Host},
    error::{Error, Kind, Result, shown},
    mcp,
};

/// Paths of probes, which use any name or address of the machine: both tell only that the process runs.
const FREE: [&str; 2] = ["/livez", "/readyz"];

/// The hosts that this process answers to.
#[derive(Clone, Debug)]
pub struct Hosts {
    allowed: AllowedHosts,
    /// The port of a `Host` that names none.
    usual_port: u16,
}

impl Hosts {
    /// The public URL's host, the configured ones, and on a loopback listener this machine's names with the listener's
    /// port.
    pub fn new(public_url: &Url, listener: SocketAddr, configured: &AllowedHosts) -> Self {
        let usual_port = if public_url.scheme() == "https" { 443 } else { 80 };
        let allowed = match configured {
            AllowedHosts::Any => AllowedHosts::Any,
            AllowedHosts::Named(named) => {
                let public = public_url.host_str().map(|name| (name.to_owned(), public_url.port_or_known_default()));
                let local = |name: &str| (name.to_owned(), Some(listener.port()));
                let local = listener.ip().is_loopback().then(|| ["localhost", "127.0.0.1", "[::1]"].map(local));
                let known = public.into_iter().chain(local.into_iter().flatten());
                let known = known.map(|(name, port)| Host { name, port });
                AllowedHosts::Named(named.iter().cloned().chain(known).collect())
            }
        };
        Self { allowed, usual_port }
    }

    /// Checks a request's host.
    ///
    /// # Errors
    /// `host_refused`, forbidden.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<()> {
        let AllowedHosts::Named(allowed) = &self.allowed else { return Ok(()) };
        let mut named = headers.get_all(header::HOST).into_iter();
        let (host, another) = (named.next(), named.next());
        // The `:authority` of HTTP/2, or the absolute form of a request to a proxy in HTTP/1.1.
        let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
        if another.is_some() || (host.is_none() && authority.is_none()) {
            return Err(refused("a request must name the host that it asks, once, as `Host`".to_owned()));
        }
        let is_allowed = |host: &[u8]| {
            let host = std::str::from_utf8(host).ok().and_then(|host| host.parse::<Host>().ok());
            host.is_some_and(|host| {
                let port = host.port.unwrap_or(self.usual_port);
                allowed.iter().any(|one| one.name == host.name && one.port.is_none_or(|allowed| allowed == port))
            })
        };
        // If both are present, each must be allowed.
        match authority.into_iter().chain(host.map(HeaderValue::as_bytes)).find(|host| !is_allowed(host)) {
            None => Ok(()),
            Some(host) => Err(refused(format!(
                "requests for the host `{}` are refused; if this gateway is reached by that name, set \
                 PERMESSO_PUBLIC_URL to it or add it to PERMESSO_ALLOWED_HOSTS",
                shown(host)
            ))),
        }
    }
}

/// For the log: the hosts as they are compared.
impl std::fmt::Display for Hosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AllowedHosts::Named(allowed) = &self.allowed else { return f.write_str("any") };
        for (at, host) in allowed.iter().enumerate() {
            write!(f, "{}{host}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Forbidden, "host_refused", message)
}

/// The layer around all routes and around unknown paths. The matched route decides what is exempt, not the spelling of
/// the path.
pub(super) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if route.is_some_and(|route| FREE.contains(&route)) {
        return next.run(request).await;
    }
    let is_endpoint = route.is_some_and(|route| mcp::PATHS.contains(&route));
    match hosts.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        // Agents get every error as JSON-RPC.
        Err(error) if is_endpoint => mcp::refusal(&error, request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn hosts(public_url: &str, listener: &str, configured: &[&str]) -> Hosts {
        let named = AllowedHosts::Named(configured.iter().map(|host| host.parse().unwrap()).collect());
        Hosts::new(&public_url.parse().unwrap(), listener.parse().unwrap(), &named)
    }

    fn is_let_in(hosts: &Hosts, uri: &str, named: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in named {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        hosts.check(&uri.parse().unwrap(), &headers).is_ok()
    }

    fn host(hosts: &Hosts, host: &'static str) -> bool {
        is_let_in(hosts, "/api/v1/me", &[host])
    }

    #[test]
    fn behind_a_proxy_only_the_public_name_is_known() {
        let hosts = hosts("https://mcp.example.com", "0.0.0.0:8765", &[]);
        for good in ["mcp.example.com", "MCP.example.com", "mcp.example.com:443"] {
            assert!(host(&hosts, good), "{good}");
        }
        for bad in [
            "mcp.example.com:80",
            "mcp.example.com:8765",
            "evil.example",
            "mcp.example.com.evil.example",
            "evil.example#mcp.example.com",
            "user@mcp.example.com",
            "mcp.example.com@evil.example",
            "mcp.example.com.",
            "mcp.example.com:",
            "mcp.example.com, mcp.example.com",
            "localhost:8765",
            "127.0.0.1:8765",
            "0.0.0.0:8765",
            "",
            " ",
        ] {
            assert!(!host(&hosts, bad), "{bad}");
        }
    }

    #[test]
    fn on_a_loopback_listener_the_names_of_this_machine_are_known_with_its_port() {
        let hosts = hosts("http://127.0.0.1:8765", "127.0.0.1:8765", &[]);
        for good in ["localhost:8765", "LOCALHOST:8765", "127.0.0.1:8765", "[::1]:8765"] {
            assert!(host(&hosts, good), "{good}");
        }
        for bad in ["localhost", "localhost:9", "127.0.0.2:8765", "evil.example:8765", "[::2]:8765", "localhost:08765x"]
        {
            assert!(!host(&hosts, bad), "{bad}");
        }
    }

    #[test]
    fn a_configured_host_without_a_port_may_have_any() {
        let hosts = hosts("https://mcp.example.com", "10.0.0.7:8765", &["mcp.internal", "10.0.0.7:8765"]);
        for good in ["mcp.internal", "mcp.internal:8765", "mcp.internal:1", "10.0.0.7:8765"] {
            assert!(host(&hosts, good), "{good}");
        }
        assert!(!host(&hosts, "10.0.0.7") && !host(&hosts, "10.0.0.7:1"));
    }

    #[test]
    fn a_host_that_is_missing_or_doubled_is_refused() {
        let hosts = hosts("http://127.0.0.1:8765", "127.0.0.1:8765", &[]);
        let ours = "127.0.0.1:8765";
        assert!(!is_let_in(&hosts, "/", &[]));
        assert!(!is_let_in(&hosts, "/", &[ours, ours]));
        assert!(!is_let_in(&hosts, "/", &[ours, "evil.example"]));
        // HTTP/2, and a request in the form for a proxy.
        assert!(is_let_in(&hosts, "http://127.0.0.1:8765/", &[]));
        assert!(is_let_in(&hosts, "http://127.0.0.1:8765/", &[ours]));
        assert!(!is_let_in(&hosts, "http://evil.example/", &[ours]));
        assert!(!is_let_in(&hosts, "http://127.0.0.1:8765/", &["evil.example"]));
    }

    #[test]
    fn a_star_leaves_hosts_to_somebody_in_front() {
        let ours = "https://mcp.example.com".parse().unwrap();
        let hosts = Hosts::new(&ours, "0.0.0.0:80".parse().unwrap(), &AllowedHosts::Any);
        assert!(host(&hosts, "evil.example"));
        assert!(is_let_in(&hosts, "/", &[]));
    }

    #[test]
    fn a_refusal_names_what_was_sent_shortened_and_the_variable() {
        let hosts = hosts("https://mcp.example.com", "0.0.0.0:80", &[]);
        let long = "x".repeat(500);
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(&long).unwrap())]);
        let error = hosts.check(&Uri::from_static("/"), &headers).unwrap_err();
        assert_eq!(error.code, "host_refused");
        assert!(error.message.contains("PERMESSO_ALLOWED_HOSTS") && error.message.contains(&long[..80]));
        assert!(error.message.len() < 300, "{}", error.message);
    }
}
