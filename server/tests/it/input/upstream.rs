//! An upstream of MCP 2026-07-28 that asks for input before it runs anything.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{World, upstream::TOOLS};

/// What it asks, byte for byte.
pub(super) const QUESTION: &str = r#"{ "who" : {"method":"elicitation/create","params":{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{"n":{"type":"number","default":1.50}}}}}}"#;

/// How it refuses who cannot be asked, byte for byte.
pub(super) const MISSING: &str =
    r#"{ "code":-32021,"message":"Cannot ask","data":{"requiredCapabilities":{"elicitation":{"form":{}}},"n":1.50}}"#;

#[derive(Default)]
struct Inner {
    /// How often it asks before it runs a call.
    rounds: Mutex<usize>,
    /// It keeps no state with the client.
    stateless: Mutex<bool>,
    /// It refuses who cannot be asked.
    strict: Mutex<bool>,
    /// Answers with something that is not MCP what it was asked for.
    broken: Mutex<bool>,
    /// How long it thinks about each call.
    slow: Mutex<Duration>,
    /// Every call that arrived, in order.
    calls: Mutex<Vec<Value>>,
}

/// The upstream; it ends with the test.
pub(super) struct Asking {
    inner: Arc<Inner>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Asking {
    /// Starts it in the place of the world's bank. It asks once.
    pub(super) async fn replace(world: &World) -> Self {
        let inner = Arc::new(Inner { rounds: Mutex::new(1), ..Inner::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let task = serve(listener, inner.clone());
        let url = format!("http://{address}/mcp");
        world.admin.patch("/orgs/acme/connections/bank", json!({"config": {"url": url}})).await.expect(200);
        world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
        Self { inner, address, task }
    }

    /// How often it asks before it runs a call.
    pub(super) fn ask(&self, rounds: usize) {
        *self.inner.rounds.lock() = rounds;
    }

    /// From now on it keeps no state with the client.
    pub(super) fn be_stateless(&self) {
        *self.inner.stateless.lock() = true;
    }

    /// From now on it thinks about each call for so long.
    pub(super) fn think(&self, time: Duration) {
        *self.inner.slow.lock() = time;
    }

    /// From now on it refuses who cannot be asked.
    pub(super) fn be_strict(&self) {
        *self.inner.strict.lock() = true;
    }

    /// From now on it takes what it asked for, and answers with something that is not MCP.
    pub(super) fn break_off(&self) {
        *self.inner.broken.lock() = true;
    }

    /// Every call that arrived.
    pub(super) fn calls(&self) -> Vec<Value> {
        self.inner.calls.lock().clone()
    }

    /// Nobody listens any more.
    pub(super) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Listens again, at the same address.
    pub(super) async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.task = serve(listener, self.inner.clone());
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn serve(listener: TcpListener, inner: Arc<Inner>) -> JoinHandle<()> {
    let router = Router::new().route("/mcp", post(answer)).with_state(inner);
    tokio::spawn(async move {
        axum::serve(listener, router).await.ok();
    })
}

async fn answer(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let reply = |result: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, message["id"]);
        // One connection for each call, so that a stopped upstream is gone at once.
        ([(header::CONTENT_TYPE, "application/json"), (header::CONNECTION, "close")], text).into_response()
    };
    match message["method"].as_str().unwrap_or_default() {
        "server/discover" => reply(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"cacheScope":"private","capabilities":{"tools":{}}}"#,
        ),
        "tools/list" => {
            reply(&format!(r#"{{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":{TOOLS}}}"#))
        }
        "tools/call" => {
            inner.calls.lock().push(message.clone());
            let slow = *inner.slow.lock();
            tokio::time::sleep(slow).await;
            let params = &message["params"];
            let declared = &params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
            if *inner.strict.lock() && declared["elicitation"].is_null() {
                let text = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{MISSING}}}"#, message["id"]);
                return (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], text).into_response();
            }
            let answers = params["inputResponses"]["who"]["content"]["n"].clone();
            let stateless = *inner.stateless.lock();
            let round = match params["requestState"].as_str() {
                Some(state) => state.trim_start_matches("round ").parse().unwrap_or(99),
                None if stateless && !answers.is_null() => 1,
                None => 0,
            };
            if round > 0 && *inner.broken.lock() {
                return (StatusCode::OK, "gone").into_response();
            }
            if round >= *inner.rounds.lock() {
                return reply(&format!(
                    r#"{{"resultType":"complete","content":[{{"type":"text","text":"ran with {answers}"}}]}}"#
                ));
            }
            let state = if stateless { String::new() } else { format!(r#","requestState":"round {}""#, round + 1) };
            reply(&format!(r#"{{"resultType":"input_required","inputRequests":{QUESTION}{state}}}"#))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
