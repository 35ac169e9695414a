//! Connections through an outbound proxy, under the same rules as direct ones. Names are resolved and their addresses
//! checked here. The proxy gets a `CONNECT` to a checked address, also for plain HTTP. It is never given a name, which
//! it could resolve to another address.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{self, Builder};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::{Body, Response};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tower_service::Service;
use url::Url;

use super::{
    resolver::{IDLE, KEEPALIVE, USER_AGENT, checked},
    rules::AllowRule,
    unreached::{Broken, NoTunnel},
};
use crate::config::Outbound;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Connects to the proxy itself, which may require TLS.
type ToProxy = HttpsConnector<HttpConnector>;
type Connection = <ToProxy as Service<Uri>>::Response;

/// How many addresses of a name are tried.
const ADDRESSES: usize = 4;

/// The clients that use the proxy. Cheap to clone.
#[derive(Clone)]
pub(super) struct Proxy {
    matcher: Arc<Matcher>,
    pooled: Proxied,
    once: Proxied,
}

/// A client that uses the proxy.
#[derive(Clone)]
pub(super) struct Proxied(legacy::Client<HttpsConnector<Checked>, Body>);

impl Proxy {
    /// `None` if no proxy is configured, or every host is excepted.
    pub(super) fn new(outbound: &Outbound, rules: &Arc<[AllowRule]>) -> Option<Self> {
        // The matcher takes `*` for names only.
        let excepts_all = outbound.except.split(',').any(|host| host.trim() == "*");
        if excepts_all || (outbound.http.is_none() && outbound.https.is_none()) {
            return None;
        }
        let exposed = |proxy: &Option<SecretString>| proxy.as_ref().map_or("", ExposeSecret::expose_secret).to_owned();
        let (http, https) = (exposed(&outbound.http), exposed(&outbound.https));
        let matcher = Arc::new(Matcher::builder().http(http).https(https).no(outbound.except.clone()).build());
        let tls = tls();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        let over = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1();
        let way = Checked { rules: rules.clone(), matcher: matcher.clone(), to_proxy: over().wrap_connector(tcp) };
        let client = |idle_per_host: usize| {
            let mut builder = Builder::new(TokioExecutor::new());
            builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(idle_per_host);
            Proxied(builder.build(over().wrap_connector(way.clone())))
        };
        Some(Self { matcher, pooled: client(usize::MAX), once: client(0) })
    }

    /// The client for a request to this address; `None` if it is sent directly.
    pub(super) fn client(&self, url: &Url, once: bool) -> Option<Proxied> {
        // hyper cannot send a request to an address that it cannot parse.
        let is_proxied = url.as_str().parse().is_ok_and(|uri| self.matcher.intercept(&uri).is_some());
        is_proxied.then(|| if once { &self.once } else { &self.pooled }.clone())
    }
}

impl Proxied {
    /// Sends a request that is complete except for the gateway's own headers.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Response, Broken> {
        request.headers_mut().entry(http::header::USER_AGENT).or_insert(USER_AGENT);
        Ok(self.0.request(request).await?.map(Body::wrap).into())
    }
}

/// Verifies certificates as for direct connections, including those of `SSL_CERT_FILE`.
fn tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has what these versions need");
    match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        // The direct client has already reported this.
        Err(_) => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    }
}

/// Opens connections through the proxy to checked addresses.
#[derive(Clone)]
struct Checked {
    rules: Arc<[AllowRule]>,
    matcher: Arc<Matcher>,
    to_proxy: ToProxy,
}

impl Checked {
    async fn connect(self, to: Uri) -> Result<Connection, BoxError> {
        let proxy = self.matcher.intercept(&to).ok_or("no proxy for this address")?;
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(if to.scheme_str() == Some("https") { 443 } else { 80 });
        let addresses = checked(&self.rules, host.trim_start_matches('[').trim_end_matches(']')).await?;
        let mut refused = None;
        for address in addresses.into_iter().take(ADDRESSES) {
            match self.tunnel(&proxy, SocketAddr::new(address.ip(), port)).await {
                Ok(connection) => return Ok(connection),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| "the name has no address".into()))
    }

    async fn tunnel(&self, proxy: &Intercept, to: SocketAddr) -> Result<Connection, BoxError> {
        let to = Uri::builder().scheme("https").authority(to.to_string()).path_and_query("/").build()?;
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        tunnel.call(to).await.map_err(|error| NoTunnel(error.into()).into())
    }
}

impl Service<Uri> for Checked {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().connect(to))
    }
}
