//! One agent's line to the gateways: every request goes to any of them, as behind a balancer without
//! affinity. Speaks what the agent's kind speaks, and watches what a client would stumble over: answers to
//! other requests, progress that does not rise, streams that fall silent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    book::{Book, Fault, Faulty},
    kind::{Dialect, Kind},
    messages::Messages,
};

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";
const BOTH: &str = "application/json, text/event-stream";
/// What an agent says with every request of 2026-07-28.
const META: &str = "io.modelcontextprotocol";

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The agent did not wait any longer.
    Patience,
    /// There was no connection, so nothing was asked; written down.
    Unasked,
    /// Another fault, which is written down.
    Fault,
}

/// An answer, and when it was asked for and there.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) result: Value,
    pub(crate) sent: Instant,
    pub(crate) got: Instant,
}

/// Where the gateways are, and as whom an agent calls.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) http: reqwest::Client,
    /// `http://…`, without a path.
    pub(crate) gateways: Arc<[String]>,
    /// The toolkit's path at each.
    pub(crate) path: &'static str,
    pub(crate) key: String,
}

/// The line.
pub(crate) struct Line {
    access: Access,
    dialect: Dialect,
    kind: Kind,
    session: Option<String>,
    last_id: u64,
    /// The gateway that was asked last.
    at: usize,
    random: fastrand::Rng,
    book: Arc<Book>,
}

impl Line {
    pub(crate) fn new(access: Access, dialect: Dialect, kind: Kind, random: fastrand::Rng, book: Arc<Book>) -> Self {
        Self { access, dialect, kind, session: None, last_id: 0, at: 0, random, book }
    }

    /// Begins a session, where one is spoken in.
    pub(crate) async fn begin(&mut self) {
        let Dialect::Session { client, .. } = self.dialect else { return };
        let params =
            json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": client, "version": "1"}});
        while self.session.is_none() {
            if self.ask("initialize", params.clone(), Duration::from_secs(30)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Ends the session.
    pub(crate) async fn end(&mut self) {
        if self.session.is_some()
            && let Ok(response) = self.request(Method::DELETE, "", None, None).send().await
            && response.status() != StatusCode::NO_CONTENT
        {
            self.fault(Fault::Http(response.status().as_u16()), "DELETE", Instant::now());
        }
    }

    /// Calls a tool.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value, patience: Duration) -> Result<Heard, Missed> {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}), patience).await
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, method: &str, params: Value, patience: Duration) -> Result<Heard, Missed> {
        let sent = Instant::now();
        let exchange = async {
            let (id, mut messages) = self.open(method, params).await?;
            let mut progress = f64::MIN;
            loop {
                let message = messages.next().await?;
                if message["method"] == "notifications/progress" {
                    self.watch(&message, id, &mut progress);
                } else if message["id"] == json!(id) {
                    return answer(message);
                } else if message["method"].is_null() {
                    return Err(Fault::Rpc(format!("another answer: {message}")));
                }
            }
        };
        let result = timeout(patience, exchange).await;
        self.heard(result, method, sent)
    }

    /// Follows a task until `notifications/tasks` says that it has ended; gives that notification's params.
    pub(crate) async fn listen(&mut self, task: &str, patience: Duration) -> Result<Heard, Missed> {
        let sent = Instant::now();
        let exchange = async {
            let (id, mut messages) =
                self.open("subscriptions/listen", json!({"notifications": {"taskIds": [task]}})).await?;
            loop {
                let mut message = messages.next().await?;
                if message["id"] == json!(id) {
                    // The gateway ends the stream, or refuses it.
                    answer(message)?;
                    return Err(Fault::Broke);
                }
                let params = message["params"].take();
                if message["method"] == "notifications/tasks"
                    && params["taskId"] == task
                    && params["status"] != "working"
                {
                    return Ok(params);
                }
            }
        };
        let result = timeout(patience, exchange).await;
        self.heard(result, "subscriptions/listen", sent)
    }

    /// Writes down that an answer did not come in the time that every answer has.
    pub(crate) fn overdue(&self, about: &str, sent: Instant) {
        self.fault(Fault::Overdue, about, sent);
    }

    fn heard(
        &mut self,
        result: Result<Result<Value, Fault>, tokio::time::error::Elapsed>,
        method: &str,
        sent: Instant,
    ) -> Result<Heard, Missed> {
        match result {
            Ok(Ok(result)) => Ok(Heard { result, sent, got: Instant::now() }),
            Ok(Err(fault)) => {
                let missed = if fault == Fault::Refused { Missed::Unasked } else { Missed::Fault };
                self.fault(fault, method, sent);
                Err(missed)
            }
            Err(_) => Err(Missed::Patience),
        }
    }

    fn fault(&self, fault: Fault, about: &str, sent: Instant) {
        let about = format!("{about} of {}", self.kind.name());
        self.book.fault(Faulty { fault, gateway: self.at, sent, at: Instant::now(), about });
    }

    async fn open(&mut self, method: &str, mut params: Value) -> Result<(u64, Messages), Fault> {
        self.last_id += 1;
        let id = self.last_id;
        let modern = matches!(self.dialect, Dialect::Modern { .. });
        let name =
            if modern { params["name"].as_str().or(params["taskId"].as_str()).map(ToOwned::to_owned) } else { None };
        if let Some(meta) = self.meta(id, method) {
            params["_meta"] = meta;
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.at = self.random.usize(..self.access.gateways.len());
        let request = self.request(Method::POST, method, name.as_deref(), Some(body.to_string()));
        self.book.asked();
        let response = request.send().await.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::OK {
            return Err(Fault::Http(response.status().as_u16()));
        }
        if let Some(session) = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()) {
            self.session = Some(session.to_owned());
        }
        Ok((id, Messages::of(response)))
    }

    fn meta(&self, id: u64, method: &str) -> Option<Value> {
        match self.dialect {
            Dialect::Session { progress: true, .. } if method == "tools/call" => Some(json!({"progressToken": id})),
            Dialect::Modern { tasks } => {
                let mut capabilities = Map::new();
                if tasks {
                    capabilities.insert("extensions".to_owned(), json!({"io.modelcontextprotocol/tasks": {}}));
                }
                Some(json!({
                    format!("{META}/protocolVersion"): MODERN,
                    format!("{META}/clientInfo"): {"name": "soak", "version": "1"},
                    format!("{META}/clientCapabilities"): capabilities,
                }))
            }
            _ => None,
        }
    }

    fn request(&self, verb: Method, method: &str, name: Option<&str>, body: Option<String>) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.access.gateways[self.at], self.access.path);
        let mut request = self.access.http.request(verb, url).bearer_auth(&self.access.key);
        request = match self.dialect {
            Dialect::Json => request.header("accept", "application/json"),
            Dialect::Session { .. } => request.header("accept", BOTH).header("mcp-protocol-version", LEGACY),
            Dialect::Modern { .. } => {
                request.header("accept", BOTH).header("mcp-protocol-version", MODERN).header("mcp-method", method)
            }
        };
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(name) = name {
            request = request.header("mcp-name", &*wire::header::encode(name));
        }
        match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        }
    }

    /// Progress names its request and rises (MCP, "Progress").
    fn watch(&self, message: &Value, id: u64, before: &mut f64) {
        let params = &message["params"];
        let now = params["progress"].as_f64().unwrap_or(f64::MIN);
        if params["progressToken"] != json!(id) || now <= *before {
            self.book.complain(format!("progress after {before} of request {id}: {message}"));
        }
        *before = now;
    }
}

fn answer(mut message: Value) -> Result<Value, Fault> {
    match message.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(Fault::Rpc(format!("{}: {}", message["error"]["code"], message["error"]["message"]))),
    }
}

fn broken(error: &reqwest::Error) -> Fault {
    if error.is_connect() { Fault::Refused } else { Fault::Broke }
}
