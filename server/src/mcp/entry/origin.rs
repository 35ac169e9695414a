//! Validates which page sent a request (`Origin`), before anything else of a request to the endpoint except its `Host`,
//! so that another site's page in a browser cannot use an agent's endpoint (MCP, "Streamable HTTP", security).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use tower_http::cors::{AllowHeaders, CorsLayer};
use url::Url;

use crate::{
    error::{Error, Kind, Result, shown},
    mcp::answer::fault,
};

/// The origins whose pages may use the endpoint.
#[derive(Clone, Debug)]
pub struct Origins {
    ours: String,
    others: Vec<String>,
}

impl Origins {
    /// The public URL's origin, and the configured ones.
    pub fn new(public_url: &Url, configured: &[String]) -> Self {
        Self { ours: public_url.origin().ascii_serialization(), others: configured.to_vec() }
    }

    /// Checks a request's origin.
    ///
    /// # Errors
    /// `origin_refused`, forbidden.
    pub fn check(&self, headers: &HeaderMap) -> Result<()> {
        let mut origins = headers.get_all(header::ORIGIN).into_iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let known = |origin: &HeaderValue| {
            let mut known = std::iter::once(&self.ours).chain(&self.others);
            known.any(|known| known.as_bytes() == origin.as_bytes())
        };
        if known(origin) && origins.next().is_none() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Forbidden,
            "origin_refused",
            format!(
                "requests from pages of the origin `{}` are refused; if it is a client of yours, add it to \
                 PERMESSO_ALLOWED_ORIGINS",
                shown(origin.as_bytes())
            ),
        ))
    }

    /// Lets pages of configured origins read the answers; `None` if no origin is configured.
    pub fn cors(&self) -> Option<CorsLayer> {
        let origins: Vec<HeaderValue> = self.others.iter().filter_map(|origin| origin.parse().ok()).collect();
        (!origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods([Method::GET, Method::POST, Method::DELETE])
                // Tools define header names (`Mcp-Param-…`), so no list can name them all.
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

/// For the log: the origins as they are compared.
impl std::fmt::Display for Origins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.ours)?;
        self.others.iter().try_for_each(|origin| write!(f, ", {origin}"))
    }
}

/// The outermost layer of the endpoint.
pub async fn guard(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    match origins.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => fault::refusal(&error, request).await,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn only_known_origins_are_let_in_and_only_once() {
        let ours: Url = "https://mcp.example.com".parse().unwrap();
        let origins = Origins::new(&ours, &["https://agents.example.com".to_owned()]);
        let is_let_in = |named: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for origin in named {
                headers.append(header::ORIGIN, HeaderValue::from_static(origin));
            }
            origins.check(&headers).is_ok()
        };
        assert!(is_let_in(&[]));
        for good in ["https://mcp.example.com", "https://agents.example.com"] {
            assert!(is_let_in(&[good]), "{good}");
            assert!(!is_let_in(&[good, good]), "{good}");
        }
        for bad in [
            "http://mcp.example.com",
            "https://mcp.example.com:444",
            "https://mcp.example.com.evil.example",
            "null",
            "",
        ] {
            assert!(!is_let_in(&[bad]), "{bad}");
        }
    }
}
