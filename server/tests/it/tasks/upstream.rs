//! An upstream of MCP 2026-07-28 that answers calls with tasks where they are declared, and tells of them
//! what the test says.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

use crate::support::{World, upstream::TOOLS};

/// The upstream's own id of its one task.
pub(super) const THEIRS: &str = "theirs-1";

struct Inner {
    /// What `tasks/get` tells, besides the members that every task has; `None`: it knows no task.
    stands: Mutex<Option<String>>,
    /// The `pollIntervalMs` of its task.
    interval: AtomicU64,
    /// What it offers.
    tools: Mutex<String>,
    /// The method that it answers with something that is not MCP.
    broken: Mutex<Option<String>>,
    /// The method that it takes its time over.
    slow: Mutex<Option<String>>,
    /// How many requests it is taking its time over now.
    pondering: AtomicUsize,
    released: Notify,
    /// Every request about calls and tasks, in order.
    seen: Mutex<Vec<Value>>,
}

/// The upstream; it ends with the test.
pub(super) struct Tasking {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Tasking {
    /// Starts it in the place of the world's bank.
    pub(super) async fn replace(world: &World) -> Self {
        let stands = Mutex::new(Some(r#""status":"working""#.to_owned()));
        let inner = Arc::new(Inner {
            stands,
            interval: AtomicU64::new(50),
            tools: Mutex::new(TOOLS.to_owned()),
            broken: Mutex::default(),
            slow: Mutex::default(),
            pondering: AtomicUsize::new(0),
            released: Notify::new(),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let router = Router::new().route("/mcp", post(answer)).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        world.admin.patch("/orgs/acme/connections/bank", json!({"config": {"url": url}})).await.expect(200);
        world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
        Self { inner, task }
    }

    /// What `tasks/get` tells from now on, besides the members that every task has.
    pub(super) fn tell(&self, members: &str) {
        *self.inner.stands.lock() = Some(members.to_owned());
    }

    /// How often it wants to be asked, from now on.
    pub(super) fn poll_every(&self, millis: u64) {
        self.inner.interval.store(millis, Ordering::SeqCst);
    }

    /// What `tools/list` gives from now on.
    pub(super) fn offer(&self, tools: &str) {
        *self.inner.tools.lock() = tools.to_owned();
    }

    /// Requests of this method are taken, and answered with something that is not MCP.
    pub(super) fn break_off(&self, method: &str) {
        *self.inner.broken.lock() = Some(method.to_owned());
    }

    /// Requests of this method are answered only after [`release`](Self::release).
    pub(super) fn ponder(&self, method: &str) {
        *self.inner.slow.lock() = Some(method.to_owned());
    }

    /// How many requests wait for that and have not been given up.
    pub(super) fn pondering(&self) -> usize {
        self.inner.pondering.load(Ordering::SeqCst)
    }

    /// Nothing takes long any more.
    pub(super) fn release(&self) {
        *self.inner.slow.lock() = None;
        self.inner.released.notify_waiters();
    }

    /// From now on it knows no task.
    pub(super) fn forget(&self) {
        *self.inner.stands.lock() = None;
    }

    /// The requests of this method that have arrived.
    pub(super) fn seen(&self, method: &str) -> Vec<Value> {
        self.inner.seen.lock().iter().filter(|message| message["method"] == method).cloned().collect()
    }
}

impl Drop for Tasking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request that it takes its time over, until it is answered or given up.
struct Pondered<'a>(&'a Inner);

impl Drop for Pondered<'_> {
    fn drop(&mut self) {
        self.0.pondering.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let reply = |member: &str, json: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{},"{member}":{json}}}"#, message["id"]);
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    };
    let method = message["method"].as_str().unwrap_or_default();
    if method == "tools/call" || method.starts_with("tasks/") {
        inner.seen.lock().push(message.clone());
    }
    if inner.broken.lock().as_deref() == Some(method) {
        return (StatusCode::BAD_GATEWAY, "gone").into_response();
    }
    let released = inner.released.notified();
    let is_slow = inner.slow.lock().as_deref() == Some(method);
    if is_slow {
        inner.pondering.fetch_add(1, Ordering::SeqCst);
        let _pondered = Pondered(&inner);
        released.await;
    }
    let capabilities = &message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    let declared = capabilities["extensions"]["io.modelcontextprotocol/tasks"].is_object();
    let interval = inner.interval.load(Ordering::SeqCst);
    let task = |kind: &str, stands: &str| {
        format!(
            r#"{{"resultType":"{kind}","taskId":"{THEIRS}",{stands},"createdAt":"2026-11-21T10:00:00Z","lastUpdatedAt":"2026-11-21T10:00:00Z","ttlMs":600000,"pollIntervalMs":{interval}, "x" : 1.0e2}}"#
        )
    };
    let stands =
        inner.stands.lock().clone().filter(|_| method == "tools/call" || message["params"]["taskId"] == THEIRS);
    match (method, stands) {
        ("server/discover", _) => reply(
            "result",
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"cacheScope":"private","capabilities":{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#,
        ),
        ("tools/list", _) => {
            let tools = inner.tools.lock().clone();
            reply("result", &format!(r#"{{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":{tools}}}"#))
        }
        ("tools/call", _) if declared => reply("result", &task("task", r#""status":"working""#)),
        ("tools/call", _) => {
            reply("result", r#"{"resultType":"complete","content":[{"type":"text","text":"at once"}]}"#)
        }
        ("tasks/get", Some(stands)) => reply("result", &task("complete", &stands)),
        ("tasks/update" | "tasks/cancel", Some(_)) => reply("result", r#"{"resultType":"complete"}"#),
        ("tasks/get" | "tasks/update" | "tasks/cancel", None) => {
            reply("error", r#"{"code":-32602,"message":"no such task"}"#)
        }
        _ => (StatusCode::NOT_FOUND, reply("error", r#"{"code":-32601,"message":"no such method"}"#)).into_response(),
    }
}
