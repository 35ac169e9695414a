//! The upstream of the soak: an MCP server that writes down every call by the token in its arguments. What
//! is written here is what ran, whatever anybody is told.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::{net::TcpListener, task::JoinHandle};

/// The tool that a person has to approve.
pub(crate) const TRANSFER: &str = "transfer";
/// The tool that is always allowed.
pub(crate) const LOOK: &str = "look";

const INITIALIZED: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"soak","version":"1"}}"#;

/// The upstream, until it is dropped.
pub(crate) struct Ledger {
    pub(crate) url: String,
    entries: Arc<Entries>,
    task: JoinHandle<()>,
}

/// What ran.
#[derive(Default)]
pub(crate) struct Entries {
    arrivals: Mutex<HashMap<String, u32>>,
    delay_ms: AtomicU64,
}

impl Entries {
    /// How often the call with this token arrived.
    pub(crate) fn count(&self, token: &str) -> u32 {
        self.arrivals.lock().get(token).copied().unwrap_or(0)
    }

    /// Every token that arrived.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.arrivals.lock().keys().cloned().collect()
    }

    /// How long transfers take from now on, after they are written down.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn write(&self, token: String) {
        *self.arrivals.lock().entry(token).or_default() += 1;
    }
}

impl Ledger {
    /// Starts on a free port of loopback.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen on loopback")?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        let entries = Arc::new(Entries::default());
        let router = Router::new().route("/mcp", post(answer)).with_state(entries.clone());
        let task = tokio::spawn(async move {
            // It ends with the run.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, entries, task })
    }

    /// What ran.
    pub(crate) fn entries(&self) -> Arc<Entries> {
        self.entries.clone()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    name: Option<String>,
    arguments: Option<Arguments>,
}

#[derive(Deserialize)]
struct Arguments {
    token: String,
}

async fn answer(State(entries): State<Arc<Entries>>, body: Bytes) -> Response {
    let Ok(Request { id, method, params }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(id) = id else { return StatusCode::ACCEPTED.into_response() };
    let result = match method {
        "initialize" => INITIALIZED.to_owned(),
        "tools/list" => tools(),
        "tools/call" => match run(&entries, params).await {
            Some(result) => result,
            None => return StatusCode::BAD_REQUEST.into_response(),
        },
        "ping" => "{}".to_owned(),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

fn tools() -> String {
    let schema = json!({"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]});
    json!({"tools": [
        {"name": TRANSFER, "description": "Moves money, once for each call.", "inputSchema": schema},
        {"name": LOOK, "description": "Reads.", "inputSchema": schema, "annotations": {"readOnlyHint": true}},
    ]})
    .to_string()
}

/// Writes the call down first: what is cut off after that has run all the same.
async fn run(entries: &Entries, params: Option<Params>) -> Option<String> {
    let Params { name, arguments } = params?;
    let token = arguments?.token;
    entries.write(token.clone());
    let delay = entries.delay_ms.load(Ordering::Relaxed);
    if delay > 0 && name.as_deref() == Some(TRANSFER) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let ran = json!({"ran": token});
    Some(json!({"content": [{"type": "text", "text": ran.to_string()}], "structuredContent": ran}).to_string())
}
