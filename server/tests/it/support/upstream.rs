//! An MCP upstream over HTTP that does as it is told and counts what reaches it. Written without
//! rmcp, so that every byte of its answers is the test's own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// How the upstream answers `tools/call`.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// With this JSON as `result`.
    Result(String),
    /// With this JSON as `error`.
    Error(String),
    /// Only after [`Upstream::release`], then with this `result`.
    Hang(String),
    /// With something that is not JSON.
    Garbage,
    /// With this HTTP status.
    Status(u16),
}

struct Inner {
    behaviour: Mutex<Behaviour>,
    tools: Mutex<String>,
    instructions: Mutex<serde_json::Value>,
    lists: AtomicUsize,
    /// `tools/list` is not answered.
    silent: AtomicBool,
    sessions: AtomicUsize,
    calls: AtomicUsize,
    bodies: Mutex<Vec<String>>,
    released: Notify,
}

/// The upstream; it ends with the test.
pub(crate) struct Upstream {
    inner: Arc<Inner>,
    pub(crate) url: String,
    task: JoinHandle<()>,
}

/// The tools of a small bank.
pub(crate) const TOOLS: &str = r#"[
    {"name":"balance","description":"Reads.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},
    {"name":"pay","description":"Pays.","inputSchema":{"type":"object","properties":{"to":{"type":"string"},"cents":{"type":"number"}}},"outputSchema":{"type":"object"}},
    {"name":"close","description":"Closes the account.","inputSchema":{"type":"object"}}
]"#;

impl Upstream {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner {
            behaviour: Mutex::new(Behaviour::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.to_owned())),
            tools: Mutex::new(TOOLS.to_owned()),
            instructions: Mutex::default(),
            lists: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            sessions: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            bodies: Mutex::default(),
            released: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let router =
            Router::new().route("/mcp", post(answer)).layer(DefaultBodyLimit::disable()).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Self { inner, url, task }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.inner.behaviour.lock() = behaviour;
    }

    /// What `tools/list` gives from now on.
    pub(crate) fn offer(&self, tools: &str) {
        *self.inner.tools.lock() = tools.to_owned();
    }

    /// What `initialize` says to agents from now on.
    pub(crate) fn instruct(&self, text: &serde_json::Value) {
        *self.inner.instructions.lock() = text.clone();
    }

    /// How often tools were listed.
    pub(crate) fn lists(&self) -> usize {
        self.inner.lists.load(Ordering::SeqCst)
    }

    /// From now on lists are asked for in vain; or no longer.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.inner.silent.store(silent, Ordering::SeqCst);
    }

    /// How often somebody shook hands.
    pub(crate) fn sessions(&self) -> usize {
        self.inner.sessions.load(Ordering::SeqCst)
    }

    /// How many calls have arrived.
    pub(crate) fn calls(&self) -> usize {
        self.inner.calls.load(Ordering::SeqCst)
    }

    /// The bodies of the calls that have arrived.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.inner.bodies.lock().clone()
    }

    /// Lets every hanging call go on.
    pub(crate) fn release(&self) {
        self.inner.released.notify_waiters();
    }

    /// Listens again where it did before it was stopped.
    pub(crate) async fn start_again(&mut self) {
        let address: url::Url = self.url.parse().expect("a URL");
        let address = address.socket_addrs(|| None).expect("an address");
        let listener = TcpListener::bind(address.as_slice()).await.expect("the port is still free");
        let router =
            Router::new().route("/mcp", post(answer)).layer(DefaultBodyLimit::disable()).with_state(self.inner.clone());
        self.task = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
    }

    /// Stops listening: from now on connections are refused.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let message: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let id = message["id"].clone();
    let reply = |member: &str, json: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":{json}}}"#);
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    };
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => {
            inner.sessions.fetch_add(1, Ordering::SeqCst);
            reply(
                "result",
                &format!(
                    r#"{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"bank","version":"1"}},"instructions":{}}}"#,
                    inner.instructions.lock()
                ),
            )
        }
        "tools/list" => {
            inner.lists.fetch_add(1, Ordering::SeqCst);
            if inner.silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            reply("result", &format!(r#"{{"tools":{}}}"#, inner.tools.lock()))
        }
        "ping" => reply("result", "{}"),
        "tools/call" => {
            // Who looks at bodies sends small ones.
            if body.len() < 1 << 20 {
                inner.bodies.lock().push(body.clone());
            }
            let released = inner.released.notified();
            inner.calls.fetch_add(1, Ordering::SeqCst);
            let behaviour = inner.behaviour.lock().clone();
            match behaviour {
                Behaviour::Result(json) => reply("result", &json),
                Behaviour::Error(json) => reply("error", &json),
                Behaviour::Hang(json) => {
                    released.await;
                    reply("result", &json)
                }
                Behaviour::Garbage => ([(header::CONTENT_TYPE, "application/json")], "<html>").into_response(),
                Behaviour::Status(status) => {
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
                }
            }
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}
