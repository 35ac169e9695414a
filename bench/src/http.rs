//! One HTTP/1.1 connection, kept alive, one request at a time. As little as possible between the
//! clock and the socket, so that the generator is not what is measured.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long a connection may take to stand, and an answer to come whole.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where requests go: a path of a server on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    host: HeaderValue,
    path: Uri,
}

impl Endpoint {
    /// # Errors
    /// When `url` is not `http://<loopback address>:<port>/…`: nothing else is ever put under load.
    pub(crate) fn parse(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let authority = uri.authority().with_context(|| format!("{url} names no server"))?.as_str();
        let address: SocketAddr = authority.parse().with_context(|| format!("{url} names no address and port"))?;
        ensure!(uri.scheme_str() == Some("http") && address.ip().is_loopback(), "{url} is not on this machine");
        Ok(Self { address, host: authority.parse()?, path: uri.path().parse()? })
    }
}

/// What a server answered, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// # Errors
    /// When the server does not take it within ten seconds.
    pub(crate) async fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let connecting = async {
            let stream = TcpStream::connect(endpoint.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // Its errors are those of the requests on it, and it ends with the sender.
            tokio::spawn(connection);
            anyhow::Ok(Self { sender })
        };
        let connected = timeout(PATIENCE, connecting).await.context("no connection within ten seconds")?;
        connected.with_context(|| format!("cannot connect to {}", endpoint.address))
    }

    /// Sends `body` as JSON and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not whole within ten seconds. The connection is of
    /// no use then.
    pub(crate) async fn send(
        &mut self,
        endpoint: &Endpoint,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<Reply> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = endpoint.path.clone();
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(header::HOST, endpoint.host.clone());
        let exchange = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Reply { status: head.status, headers: head.headers, body })
        };
        match timeout(PATIENCE, exchange).await {
            Ok(reply) => reply.context("the connection broke"),
            Err(_) => bail!("no answer within ten seconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn only_servers_on_this_machine_are_put_under_load() {
        assert!(Endpoint::parse("http://127.0.0.1:80/mcp").is_ok());
        assert!(Endpoint::parse("http://[::1]:80/mcp").is_ok());
        for elsewhere in ["http://192.0.2.1:80/mcp", "http://example.com:80/mcp", "https://127.0.0.1:80/mcp", "/mcp"] {
            assert!(Endpoint::parse(elsewhere).is_err(), "{elsewhere} was taken");
        }
    }
}
