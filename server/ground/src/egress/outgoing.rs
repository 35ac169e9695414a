//! One outbound request, direct or through a proxy.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, RequestBuilder, Response};

use super::{proxy::Proxied, unreached::Broken};

/// A request that is not sent yet, like [`RequestBuilder`].
pub struct Outgoing {
    request: RequestBuilder,
    /// The client that uses the proxy, if the request has to.
    proxied: Option<Proxied>,
}

impl Outgoing {
    pub(super) fn new(request: RequestBuilder, proxied: Option<Proxied>) -> Self {
        Self { request, proxied }
    }

    /// Sets headers, each replacing those of its name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        Self { request: self.request.headers(headers), ..self }
    }

    /// Adds a header.
    pub fn header<V>(self, name: impl Into<Name>, value: V) -> Self
    where
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        Self { request: self.request.header(name.into().0, value), ..self }
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { request: self.request.body(body), ..self }
    }

    /// Sets the timeout.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { request: self.request.timeout(limit), ..self }
    }

    /// Sends the request, and waits for the head of the response.
    pub async fn send(self) -> Result<Response, Broken> {
        let Some(proxied) = self.proxied else { return Ok(self.request.send().await?) };
        let request = self.request.build()?;
        let limit = request.timeout().copied();
        let sending = proxied.send(request.try_into()?);
        match limit {
            Some(limit) => tokio::time::timeout(limit, sending).await.unwrap_or(Err(Broken::Late)),
            None => sending.await,
        }
    }
}

/// The name of a header, from either form of constant.
pub struct Name(HeaderName);

impl From<HeaderName> for Name {
    fn from(name: HeaderName) -> Self {
        Self(name)
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(HeaderName::from_static(name))
    }
}
