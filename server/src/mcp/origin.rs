//! Who a request says it asks (`Host`) and from which page it comes (`Origin`): both are validated before
//! anything else of it is looked at, so that a page which a browser opened elsewhere can neither reach the
//! endpoint by a name of its own (DNS rebinding) nor from its own origin (MCP, "Streamable HTTP", security).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::Response,
};
use tower_http::cors::{AllowHeaders, CorsLayer};
use url::Url;

use super::fault;
use crate::{
    config::{AllowedHosts, Host},
    error::{Error, Kind, Result},
    telemetry::RequestId,
};

/// How much of a wrong header is told, in characters.
const SHOWN: usize = 80;

/// The hosts and origins that this process answers to.
#[derive(Clone, Debug)]
pub struct Doors {
    hosts: AllowedHosts,
    /// The port of a `Host` that names none.
    usual_port: u16,
    ours: String,
    others: Vec<String>,
}

impl Doors {
    /// The public URL's host and origin, those that are configured, and on a loopback listener the names of
    /// this machine with the port that is listened on.
    pub fn new(public_url: &Url, listener: SocketAddr, hosts: &AllowedHosts, origins: &[String]) -> Self {
        let usual_port = if public_url.scheme() == "https" { 443 } else { 80 };
        let hosts = match hosts {
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
        let ours = public_url.origin().ascii_serialization();
        Self { hosts, usual_port, ours, others: origins.to_vec() }
    }

    /// Lets a request in, or says what is wrong with it.
    ///
    /// # Errors
    /// `host_refused` or `origin_refused`, both forbidden.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<()> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<()> {
        let AllowedHosts::Named(allowed) = &self.hosts else { return Ok(()) };
        let mut named = headers.get_all(header::HOST).into_iter();
        let (host, another) = (named.next(), named.next());
        // HTTP/2's `:authority`, and what a request to a proxy has in HTTP/1.1.
        let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
        if another.is_some() || (host.is_none() && authority.is_none()) {
            return Err(refused(
                "host_refused",
                "a request must name the host that it asks, once, as `Host`".to_owned(),
            ));
        }
        let is_allowed = |host: &[u8]| {
            let host = std::str::from_utf8(host).ok().and_then(|host| host.parse::<Host>().ok());
            host.is_some_and(|host| {
                let port = host.port.unwrap_or(self.usual_port);
                allowed.iter().any(|one| one.name == host.name && one.port.is_none_or(|allowed| allowed == port))
            })
        };
        // Where there are both, each must be right.
        match authority.into_iter().chain(host.map(HeaderValue::as_bytes)).find(|host| !is_allowed(host)) {
            None => Ok(()),
            Some(host) => Err(refused(
                "host_refused",
                format!(
                    "requests for the host `{}` are refused; if this gateway is reached by that name, set \
                     PERMESSO_PUBLIC_URL to it or add it to PERMESSO_ALLOWED_HOSTS",
                    shown(host)
                ),
            )),
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<()> {
        let mut origins = headers.get_all(header::ORIGIN).into_iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let known = |origin: &HeaderValue| {
            let mut known = std::iter::once(&self.ours).chain(&self.others);
            known.any(|known| known.as_bytes() == origin.as_bytes())
        };
        if known(origin) && origins.next().is_none() {
            return Ok(());
        }
        Err(refused(
            "origin_refused",
            format!(
                "requests from pages of the origin `{}` are refused; if it is a client of yours, add it to \
                 PERMESSO_ALLOWED_ORIGINS",
                shown(origin.as_bytes())
            ),
        ))
    }

    /// What lets the pages of configured origins read the answers; none where no origin is configured.
    pub fn cors(&self) -> Option<CorsLayer> {
        let origins: Vec<HeaderValue> = self.others.iter().filter_map(|origin| origin.parse().ok()).collect();
        (!origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods([Method::GET, Method::POST, Method::DELETE])
                // A tool makes names of headers (`Mcp-Param-…`): no list has them all.
                .allow_headers(AllowHeaders::mirror_request())
                .expose_headers([
                    HeaderName::from_static("mcp-session-id"),
                    HeaderName::from_static("x-request-id"),
                    header::WWW_AUTHENTICATE,
                    header::RETRY_AFTER,
                ])
        })
    }
}

fn refused(code: &'static str, message: String) -> Error {
    Error::new(Kind::Forbidden, code, message)
}

/// A strange header as text: short, and without what a terminal or a page would obey.
fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The layer around the endpoint, outside of everything else there.
pub async fn guard(State(doors): State<Arc<Doors>>, request: Request, next: Next) -> Response {
    match doors.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let id = request.extensions().get::<RequestId>().map_or_else(uuid::Uuid::now_v7, |id| id.0);
            fault::response(&error, id)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn doors(public_url: &str, listener: &str, hosts: &[&str], origins: &[&str]) -> Doors {
        let named = AllowedHosts::Named(hosts.iter().map(|host| host.parse().unwrap()).collect());
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Doors::new(&public_url.parse().unwrap(), listener.parse().unwrap(), &named, &origins)
    }

    /// The code of the refusal of a request with these headers; nothing when it is let in.
    fn refusal(doors: &Doors, uri: &str, headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        doors.check(&uri.parse().unwrap(), &map).err().map(|error| error.code)
    }

    fn host(doors: &Doors, host: &'static str) -> bool {
        refusal(doors, "/acme/bank/mcp", &[("host", host)]).is_none()
    }

    #[test]
    fn behind_a_proxy_only_the_public_name_is_known() {
        let doors = doors("https://mcp.example.com", "0.0.0.0:8765", &[], &[]);
        for good in ["mcp.example.com", "MCP.example.com", "mcp.example.com:443"] {
            assert!(host(&doors, good), "{good}");
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
            assert!(!host(&doors, bad), "{bad}");
        }
    }

    #[test]
    fn on_a_loopback_listener_the_names_of_this_machine_are_known_with_its_port() {
        let doors = doors("http://127.0.0.1:8765", "127.0.0.1:8765", &[], &[]);
        for good in ["localhost:8765", "LOCALHOST:8765", "127.0.0.1:8765", "[::1]:8765"] {
            assert!(host(&doors, good), "{good}");
        }
        for bad in ["localhost", "localhost:9", "127.0.0.2:8765", "evil.example:8765", "[::2]:8765", "localhost:08765x"]
        {
            assert!(!host(&doors, bad), "{bad}");
        }
    }

    #[test]
    fn a_configured_host_without_a_port_may_have_any() {
        let doors = doors("https://mcp.example.com", "10.0.0.7:8765", &["mcp.internal", "10.0.0.7:8765"], &[]);
        for good in ["mcp.internal", "mcp.internal:8765", "mcp.internal:1", "10.0.0.7:8765"] {
            assert!(host(&doors, good), "{good}");
        }
        assert!(!host(&doors, "10.0.0.7") && !host(&doors, "10.0.0.7:1"));
    }

    #[test]
    fn a_host_that_is_missing_or_doubled_is_refused() {
        let doors = doors("http://127.0.0.1:8765", "127.0.0.1:8765", &[], &[]);
        let ours = ("host", "127.0.0.1:8765");
        assert_eq!(refusal(&doors, "/", &[]), Some("host_refused"));
        assert_eq!(refusal(&doors, "/", &[ours, ours]), Some("host_refused"));
        assert_eq!(refusal(&doors, "/", &[ours, ("host", "evil.example")]), Some("host_refused"));
        // HTTP/2, and a request as to a proxy.
        assert_eq!(refusal(&doors, "http://127.0.0.1:8765/", &[]), None);
        assert_eq!(refusal(&doors, "http://127.0.0.1:8765/", &[ours]), None);
        assert_eq!(refusal(&doors, "http://evil.example/", &[ours]), Some("host_refused"));
        assert_eq!(refusal(&doors, "http://127.0.0.1:8765/", &[("host", "evil.example")]), Some("host_refused"));
    }

    #[test]
    fn a_star_leaves_hosts_to_somebody_in_front_but_not_origins() {
        let ours = "https://mcp.example.com".parse().unwrap();
        let doors = Doors::new(&ours, "0.0.0.0:80".parse().unwrap(), &AllowedHosts::Any, &[]);
        assert!(host(&doors, "evil.example"));
        assert_eq!(refusal(&doors, "/", &[]), None);
        assert_eq!(refusal(&doors, "/", &[("origin", "https://evil.example")]), Some("origin_refused"));
    }

    #[test]
    fn only_known_origins_are_let_in_and_only_once() {
        let doors = doors("https://mcp.example.com", "127.0.0.1:8765", &[], &["https://agents.example.com"]);
        let host = ("host", "mcp.example.com");
        for good in ["https://mcp.example.com", "https://agents.example.com"] {
            assert_eq!(refusal(&doors, "/", &[host, ("origin", good)]), None, "{good}");
            let twice = [host, ("origin", good), ("origin", good)];
            assert_eq!(refusal(&doors, "/", &twice), Some("origin_refused"), "{good}");
        }
        for bad in [
            "http://mcp.example.com",
            "https://mcp.example.com:444",
            "https://mcp.example.com.evil.example",
            "null",
            "",
        ] {
            assert_eq!(refusal(&doors, "/", &[host, ("origin", bad)]), Some("origin_refused"), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_what_was_sent_shortened_and_the_variable() {
        let doors = doors("https://mcp.example.com", "0.0.0.0:80", &[], &[]);
        let long = "x".repeat(500);
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(&long).unwrap())]);
        let error = doors.check(&Uri::from_static("/"), &headers).unwrap_err();
        assert!(error.message.contains("PERMESSO_ALLOWED_HOSTS") && error.message.contains(&long[..SHOWN]));
        assert!(error.message.len() < 300, "{}", error.message);
    }
}
