//! An MCP server over HTTP whose answers each test writes itself, byte for byte.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) http_method: Method,
    /// The JSON-RPC method; empty without a body or in an answer.
    pub(super) method: String,
    pub(super) body: Value,
    pub(super) raw: Bytes,
    pub(super) headers: HeaderMap,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The request's id as it stands in an answer.
    pub(super) fn id(&self) -> String {
        self.body["id"].to_string()
    }

    /// An answer with this result, its bytes as they are.
    pub(super) fn answer(&self, result: &str) -> Response<Body> {
        json(&format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id()))
    }
}

type Reply = Pin<Box<dyn Future<Output = Option<Response<Body>>> + Send>>;
type Script = dyn Fn(Seen) -> Reply + Send + Sync;

pub(super) struct Fake {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Vec<Seen>>>,
    sessions: Arc<AtomicUsize>,
    script: Arc<Script>,
}

impl Fake {
    /// A server that shakes hands, offers no GET stream, and leaves to `script`
    /// what it answers. A script that returns none gets that ordinary behaviour too.
    pub(super) async fn start<F>(script: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared {
            seen: seen.clone(),
            sessions: Arc::default(),
            script: Arc::new(move |seen| Box::pin(script(seen))),
        };
        let router = Router::new().fallback(serve).with_state(shared);
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                () = stopped.cancelled() => {}
            }
        });
        Self { url, seen, _stop: stop.drop_guard() }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    pub(super) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method).count()
    }
}

async fn serve(State(shared): State<Shared>, http_method: Method, headers: HeaderMap, raw: Bytes) -> Response<Body> {
    let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
    let seen = Seen { method: body["method"].as_str().unwrap_or_default().to_owned(), http_method, body, raw, headers };
    shared.seen.lock().push(seen.clone());
    if let Some(response) = (shared.script)(seen.clone()).await {
        return response;
    }
    match (seen.http_method.as_str(), seen.method.as_str()) {
        ("POST", "initialize") => {
            let session = shared.sessions.fetch_add(1, Ordering::Relaxed) + 1;
            let mut response = seen.answer(
                r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"fake","version":"1"}}"#,
            );
            let id = format!("session-{session}").parse().expect("a header");
            response.headers_mut().insert("mcp-session-id", id);
            response
        }
        ("POST", method) if method.starts_with("notifications/") => status(202),
        ("POST", "") => status(202),
        ("DELETE", _) => status(204),
        _ => status(405),
    }
}

pub(super) fn status(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    response
}

pub(super) fn json(body: &str) -> Response<Body> {
    typed("application/json", Body::from(body.to_owned()))
}

pub(super) fn events(body: &str) -> Response<Body> {
    typed("text/event-stream", Body::from(body.to_owned()))
}

pub(super) fn typed(content_type: &'static str, body: Body) -> Response<Body> {
    Response::builder().header("content-type", content_type).body(body).expect("a response")
}

/// Stands before a server and counts what arrives on each TCP connection.
pub(super) struct Wiretap {
    pub(super) url: String,
    bytes: Arc<Mutex<Vec<usize>>>,
    _stop: DropGuard,
}

impl Wiretap {
    pub(super) async fn before(fake: &Fake) -> Self {
        let target = fake.url.replace("http://", "").replace("/mcp", "");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (stopped, counted) = (stop.clone(), bytes.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let index = {
                    let mut counted = counted.lock();
                    counted.push(0);
                    counted.len() - 1
                };
                let server = TcpStream::connect(&target).await.expect("the server");
                tokio::spawn(relay(client, server, counted.clone(), index));
            }
        }));
        Self { url, bytes, _stop: stop.drop_guard() }
    }

    /// The number of bytes received on each connection so far.
    pub(super) fn bytes(&self) -> Vec<usize> {
        self.bytes.lock().clone()
    }
}

async fn relay(client: TcpStream, server: TcpStream, bytes: Arc<Mutex<Vec<usize>>>, index: usize) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        bytes.lock()[index] += read;
        if to_server.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    drop(to_server);
    let _ = back.await;
}
