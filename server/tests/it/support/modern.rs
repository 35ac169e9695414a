//! A caller that speaks MCP 2026-07-28: everything is said with each request, in `_meta` and in headers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, client::Answer};

/// A request of 2026-07-28, to be changed before it is sent.
#[derive(Clone)]
pub(crate) struct Modern {
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
}

impl Modern {
    /// As the specification wants it; `params` without `_meta`.
    pub(crate) fn new(method: &str, params: Value) -> Self {
        let mut params = params;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut headers = vec![
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
            ("mcp-protocol-version".to_owned(), "2026-07-28".to_owned()),
            ("mcp-method".to_owned(), method.to_owned()),
        ];
        if let Some(name) = params["name"].as_str().or(params["taskId"].as_str()) {
            headers.push(("mcp-name".to_owned(), name.to_owned()));
        }
        Self { body: json!({"jsonrpc": "2.0", "id": "m-1", "method": method, "params": params}), headers }
    }

    /// A call of a tool.
    pub(crate) fn call(tool: &str, arguments: Value) -> Self {
        Self::new("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// With the tasks extension declared.
    pub(crate) fn tasks(mut self) -> Self {
        self.meta(
            "io.modelcontextprotocol/clientCapabilities",
            json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}),
        );
        self
    }

    /// With this member of `_meta`; `null` takes it away.
    pub(crate) fn meta(&mut self, key: &str, value: Value) -> &mut Self {
        let meta = self.body["params"]["_meta"].as_object_mut().expect("_meta");
        if value.is_null() {
            meta.remove(key);
        } else {
            meta.insert(key.to_owned(), value);
        }
        self
    }

    /// With this header instead.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Sends it to `acme/bank`.
    pub(crate) async fn send(&self, client: &Client) -> Answer {
        self.send_to(client, "acme/bank").await
    }

    /// Sends it to a toolkit.
    pub(crate) async fn send_to(&self, client: &Client, toolkit: &str) -> Answer {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        client.send(Method::POST, &format!("/{toolkit}/mcp"), Some(self.body.to_string()), &headers).await
    }
}
