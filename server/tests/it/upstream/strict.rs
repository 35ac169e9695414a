//! An upstream of MCP 2026-07-28 that holds every request against the specification. What
//! it finds wrong is answered as the specification says, and fails the test at its end.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::Value;

use super::fake::{Fake, Seen, json, status};

const TASKS: &str = "io.modelcontextprotocol/tasks";

/// What it answers to `server/discover`, tool list changes told or not.
pub(super) fn discovered(list_changed: bool) -> String {
    format!(
        r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":0,"cacheScope":"private",
            "capabilities":{{"tools":{{"listChanged":{list_changed}}},"extensions":{{"{TASKS}":{{}}}}}}}}"#
    )
    .replace('\n', " ")
}

pub(super) struct Strict {
    pub(super) fake: Fake,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Strict {
    /// A server that can be discovered and leaves to `script` what else it answers; what
    /// the script does not answer is an unknown method.
    pub(super) async fn start<F>(script: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let faults = Arc::new(Mutex::new(Vec::new()));
        let (found, script) = (faults.clone(), Arc::new(script));
        let fake = Fake::start(move |seen| {
            let (found, script) = (found.clone(), script.clone());
            async move {
                if let Err(fault) = check(&seen) {
                    found.lock().push(format!("{} {}: {fault}", seen.http_method, seen.method));
                    return Some(refuse(400, &seen, -32020, "wrong request"));
                }
                if let Some(response) = script(seen.clone()).await {
                    return Some(response);
                }
                Some(match seen.method.as_str() {
                    "server/discover" => seen.answer(&discovered(false)),
                    _ => refuse(404, &seen, -32601, "no such method"),
                })
            }
        })
        .await;
        Self { fake, faults }
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        let faults = self.faults.lock();
        if !std::thread::panicking() {
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

/// A JSON-RPC error with an HTTP status.
pub(super) fn refuse(code: u16, seen: &Seen, error: i64, message: &str) -> Response<Body> {
    let error = serde_json::json!({"code": error, "message": message});
    let mut response = json(&format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id()));
    *response.status_mut() = status(code).status();
    response
}

fn check(seen: &Seen) -> Result<(), String> {
    if seen.http_method != "POST" {
        return Err("only POST exists".to_owned());
    }
    for absent in ["mcp-session-id", "last-event-id"] {
        if seen.headers.contains_key(absent) {
            return Err(format!("{absent} exists no more"));
        }
    }
    if only(seen, "content-type")?.as_deref() != Some("application/json") {
        return Err("content type".to_owned());
    }
    let accept = only(seen, "accept")?.unwrap_or_default();
    if !accept.contains("application/json") || !accept.contains("text/event-stream") {
        return Err(format!("accept: {accept}"));
    }
    let body = &seen.body;
    if body["jsonrpc"] != "2.0" || body.get("id").is_none_or(Value::is_null) || !body["method"].is_string() {
        return Err(format!("not a request: {body}"));
    }
    let meta = &body["params"]["_meta"];
    let version = &meta["io.modelcontextprotocol/protocolVersion"];
    if version != "2026-07-28" || only(seen, "mcp-protocol-version")?.as_deref() != version.as_str() {
        return Err(format!("protocol version: {meta}"));
    }
    if only(seen, "mcp-method")?.as_deref() != body["method"].as_str() {
        return Err("Mcp-Method".to_owned());
    }
    let client = &meta["io.modelcontextprotocol/clientInfo"];
    if client["name"] != "permesso" || client["version"] != env!("CARGO_PKG_VERSION") {
        return Err(format!("client info: {client}"));
    }
    let capabilities = &meta["io.modelcontextprotocol/clientCapabilities"];
    let declared = capabilities["extensions"][TASKS].is_object();
    if !capabilities.is_object() || capabilities.as_object().is_some_and(|all| all.len() != usize::from(declared)) {
        return Err(format!("capabilities: {capabilities}"));
    }
    if seen.method.starts_with("tasks/") && !declared {
        return Err("tasks are not declared".to_owned());
    }
    let named = match seen.method.as_str() {
        "tools/call" => body["params"]["name"].as_str(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => body["params"]["taskId"].as_str(),
        _ => None,
    };
    match only(seen, "mcp-name")?.map(|value| decoded(&value)) {
        name if name.as_deref() == named => Ok(()),
        name => Err(format!("Mcp-Name is {name:?}, not {named:?}")),
    }
}

/// The header's value; twice is wrong.
fn only(seen: &Seen, name: &str) -> Result<Option<String>, String> {
    let mut values = seen.headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map(str::to_owned)).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value),
        _ => Err(format!("{name} is not one plain value")),
    }
}

/// What a header's value stands for ("Value Encoding").
pub(super) fn decoded(value: &str) -> String {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text"),
        None => value.to_owned(),
    }
}
