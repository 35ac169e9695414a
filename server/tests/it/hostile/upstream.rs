//! An upstream that means harm: its definitions and answers are what a test says, and on the stream that it is listened
//! to it never stops talking.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What it says over and over without having been asked.
const NOTICES: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n\
     data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\n\
     data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}\n\n\
     data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n\n\
     data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n\n: nothing\n\n";

struct Inner {
    tools: Mutex<String>,
    answer: Mutex<String>,
    said: Mutex<usize>,
    streams: Mutex<usize>,
    lists: Mutex<usize>,
}

/// The upstream; it ends with the test.
pub(super) struct Hostile {
    inner: Arc<Inner>,
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Hostile {
    pub(super) async fn start(tools: &str) -> Self {
        let inner = Arc::new(Inner {
            tools: Mutex::new(tools.to_owned()),
            answer: Mutex::new(json!({"content": []}).to_string()),
            said: Mutex::new(0),
            streams: Mutex::new(0),
            lists: Mutex::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let router = Router::new().route("/mcp", post(answer).get(talk)).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Self { inner, url, task }
    }

    /// What `tools/list` gives from now on.
    pub(super) fn offer(&self, tools: &str) {
        *self.inner.tools.lock() = tools.to_owned();
    }

    /// What `tools/call` gives from now on.
    pub(super) fn answer(&self, result: &str) {
        *self.inner.answer.lock() = result.to_owned();
    }

    /// How many pieces of its talk have been taken.
    pub(super) fn said(&self) -> usize {
        *self.inner.said.lock()
    }

    /// How many streams it has talked on.
    pub(super) fn streams(&self) -> usize {
        *self.inner.streams.lock()
    }

    /// How often its tools were listed.
    pub(super) fn lists(&self) -> usize {
        *self.inner.lists.lock()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Talks as fast as it is read.
async fn talk(State(inner): State<Arc<Inner>>) -> Response {
    *inner.streams.lock() += 1;
    let piece = Bytes::from(NOTICES.repeat(100));
    let talking = stream::repeat_with(move || {
        *inner.said.lock() += 600;
        Ok::<_, Infallible>(piece.clone())
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(talking)).into_response()
}

async fn answer(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let id = message["id"].clone();
    let reply = |json: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{json}}}"#);
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    };
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => reply(
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"x","version":"1"}}"#,
        ),
        "tools/list" => {
            *inner.lists.lock() += 1;
            reply(&format!(r#"{{"tools":{}}}"#, inner.tools.lock()))
        }
        "tools/call" => reply(&inner.answer.lock().clone()),
        _ => StatusCode::ACCEPTED.into_response(),
    }
}
