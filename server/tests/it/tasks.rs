//! Tasks: a caller that declares the extension gets a handle at once, and the gateway runs what was
//! approved (approvals.md, "What the agent sees", 3; MCP tasks extension).

mod cancel;
mod ends;
mod followed;
mod life;
mod listened;
mod polling;
mod runner;
mod upstream;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Client, World};

/// A client of revision 2026-07-28, with the extension or without.
#[derive(Clone)]
struct Agent {
    client: Client,
    declares: bool,
}

/// The trace that every request of an agent belongs to.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Longer than the pause between two sweeps here (`gateway::PACE`), so that whatever would be run has been.
const LONG_ENOUGH: Duration = Duration::from_millis(1_500);

impl Agent {
    fn new(client: &Client) -> Self {
        Self { client: client.clone(), declares: true }
    }

    /// The same agent with a client that does not know tasks.
    fn plain(&self) -> Self {
        Self { declares: false, ..self.clone() }
    }

    /// The same agent at another replica.
    fn at(&self, url: &str) -> Self {
        Self { client: self.client.at(url), ..self.clone() }
    }

    /// One request to a toolkit's endpoint; the text of the JSON-RPC answer.
    async fn ask_text(&self, toolkit: &str, method: &str, mut params: Value) -> String {
        // Whoever follows tasks waits; whoever does not reads the pending result at once.
        let client = if self.declares { "patient" } else { "hasty" };
        let extensions = if self.declares { json!({"io.modelcontextprotocol/tasks": {}}) } else { json!({}) };
        params["_meta"] = json!({
            "traceparent": TRACEPARENT,
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": client, "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions},
        });
        let name = params["name"].as_str().or(params["taskId"].as_str()).unwrap_or_default().to_owned();
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
            ("mcp-name", &name),
        ];
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
        let answer = self.client.send(Method::POST, &format!("/{toolkit}/mcp"), Some(body), &headers).await;
        let events = answer.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let last = answer.text.lines().rev().find_map(|line| line.strip_prefix("data:")).filter(|_| events);
        last.unwrap_or(&answer.text).trim().to_owned()
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let text = self.ask_text("acme/bank", method, params).await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// Calls `pay`; gives the result.
    async fn pay(&self, cents: u64) -> Value {
        let answer = self.ask("tools/call", json!({"name": "pay", "arguments": {"to": "Ada", "cents": cents}})).await;
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Calls `pay` and gives the task and its approval.
    async fn task(&self, cents: u64) -> (String, String) {
        let created = self.pay(cents).await;
        assert_eq!(created["resultType"], "task", "{created}");
        let approval = &created["_meta"]["dev.permesso/approval"]["approval_id"];
        let both = [&created["taskId"], approval].map(|id| id.as_str().expect("an id").to_owned());
        both.into()
    }

    /// How a task stands.
    async fn get(&self, task: &str) -> Value {
        let answer = self.ask("tasks/get", json!({"taskId": task})).await;
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Asks until the task has ended.
    async fn end(&self, task: &str) -> Value {
        for _ in 0..10 {
            let now = self.get(task).await;
            if now["status"] != "working" {
                return now;
            }
        }
        panic!("it does not end");
    }

    async fn cancel(&self, task: &str) {
        let answer = self.ask("tasks/cancel", json!({"taskId": task})).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    }
}

/// Changes an approval's row behind the gateway's back.
async fn alter(world: &World, approval: &str, set: &str) {
    let sql = format!("UPDATE approvals SET {set} WHERE id = '{approval}'");
    world.sql().await.execute(AssertSqlSafe(sql)).await.expect("an owner may");
}

/// The text that a task ended with.
fn last_words(task: &Value) -> String {
    assert_eq!(task["status"], "completed", "{task}");
    assert_eq!(task["result"]["isError"], true, "{task}");
    assert!(task["result"]["structuredContent"].is_null(), "{task}");
    crate::support::client::text(&task["result"])
}
