//! An MCP client that knows one call, `list_invoices`, and whether its answer is right.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    http::{Connection, Endpoint, Reply},
    invoices::invoices,
};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const REVISION: &str = "2025-11-25";

/// What is called.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    /// Of every request.
    headers: HeaderMap,
    /// Whether a session is opened first (MCP 2025-11-25, "Lifecycle"). The gateway needs none.
    session: bool,
    /// The one right result, to the byte.
    pub(crate) result: Arc<str>,
}

impl Target {
    /// An upstream, called directly. What it answers now is the right result, if it is one.
    ///
    /// # Errors
    /// When it does not list the invoices.
    pub(crate) async fn upstream(url: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::parse(url)?;
        let mut target = Self { endpoint, headers: mcp_headers(), session: true, result: Arc::from("") };
        let mut client = Client::open(&target).await?;
        let (body, id) = client.next_call();
        let reply = client.post(body).await?;
        target.result = result(&reply, id)?.get().into();
        client.close().await;
        let listed: Value = serde_json::from_str(&target.result)?;
        let right = listed["structuredContent"]["invoices"] == Value::Array(invoices()) && listed["isError"] != true;
        ensure!(right, "{url} does not list the invoices: {}", target.result);
        Ok(target)
    }

    /// The same tool behind the gateway, at `url`. What it answers now is the right result there, if it says the same:
    /// the gateway may speak MCP 2026-07-28 with an upstream that is called directly in an earlier revision.
    ///
    /// # Errors
    /// When `url` or `key` cannot be used, or the gateway does not list the same invoices.
    pub(crate) async fn behind_gateway(&self, url: &str, key: &str) -> anyhow::Result<Self> {
        let mut headers = mcp_headers();
        headers.insert(header::AUTHORIZATION, format!("Bearer {key}").parse()?);
        let mut target = Self { endpoint: Endpoint::parse(url)?, headers, session: false, result: self.result.clone() };
        let mut client = Client::open(&target).await?;
        let (body, id) = client.next_call();
        let reply = client.post(body).await?;
        let listed = result(&reply, id)?.get();
        ensure!(says_the_same(listed, &self.result)?, "{url} does not list the invoices: {listed}");
        target.result = listed.into();
        Ok(target)
    }
}

/// Whether two results are the same but for what MCP 2026-07-28 adds to every result: `resultType` and `_meta`.
fn says_the_same(one: &str, other: &str) -> anyhow::Result<bool> {
    let said = |result: &str| -> anyhow::Result<Map<String, Value>> {
        let mut members: Map<String, Value> = serde_json::from_str(result)?;
        members.retain(|name, _| name != "resultType" && name != "_meta");
        Ok(members)
    };
    Ok(said(one)? == said(other)?)
}

fn mcp_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
        (HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_static(REVISION)),
    ])
}

/// Why a call gave no latency.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no answer, and the connection is of no use any more.
    Broken(anyhow::Error),
    /// The answer is not the right one.
    Wrong(anyhow::Error),
}

/// One connection to a target, with a session where it has one.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    target: Target,
    last_id: u64,
}

impl Client {
    /// # Errors
    /// When there is no connection, or no session.
    pub(crate) async fn open(target: &Target) -> anyhow::Result<Self> {
        let connection = Connection::open(&target.endpoint).await?;
        let mut client = Self { connection, target: target.clone(), last_id: 0 };
        if target.session {
            client.initialize().await.context("cannot initialize")?;
        }
        Ok(client)
    }

    async fn initialize(&mut self) -> anyhow::Result<()> {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{REVISION}","capabilities":{{}},"clientInfo":{{"name":"bench","version":"1"}}}}}}"#
        );
        let reply = self.post(body.into()).await?;
        result(&reply, 0)?;
        if let Some(id) = reply.headers.get(SESSION_ID) {
            self.target.headers.insert(SESSION_ID, id.clone());
        }
        let reply = self.post(Bytes::from_static(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)).await?;
        ensure!(reply.status == StatusCode::ACCEPTED, "HTTP {} for a notification", reply.status);
        Ok(())
    }

    /// One call: the time from before it is sent until its answer is there whole, in microseconds.
    ///
    /// # Errors
    /// When there is no answer, or a wrong one.
    pub(crate) async fn call(&mut self) -> Result<u32, Failure> {
        let (body, id) = self.next_call();
        let sent = Instant::now();
        let reply = self.post(body).await.map_err(Failure::Broken)?;
        let took = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
        let result = result(&reply, id).map_err(Failure::Wrong)?;
        if result.get() == &*self.target.result {
            Ok(took)
        } else {
            Err(Failure::Wrong(anyhow::anyhow!("another result: {}", result.get())))
        }
    }

    /// Ends the session, if there is one.
    pub(crate) async fn close(mut self) {
        if self.target.headers.contains_key(SESSION_ID) {
            let Target { endpoint, headers, .. } = &self.target;
            // The upstream may refuse, and ends it by itself later.
            let _ = self.connection.send(endpoint, Method::DELETE, headers, Bytes::new()).await;
        }
    }

    fn next_call(&mut self) -> (Bytes, u64) {
        self.last_id += 1;
        let id = self.last_id;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"list_invoices","arguments":{{}}}}}}"#
        );
        (body.into(), id)
    }

    async fn post(&mut self, body: Bytes) -> anyhow::Result<Reply> {
        let Target { endpoint, headers, .. } = &self.target;
        self.connection.send(endpoint, Method::POST, headers, body).await
    }
}

#[derive(Deserialize)]
struct Response<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

/// The result in the answer to request `id`, as it was sent: JSON, or one event of a stream.
fn result(reply: &Reply, id: u64) -> anyhow::Result<&RawValue> {
    let body = str::from_utf8(&reply.body)?;
    if reply.status != StatusCode::OK {
        bail!("HTTP {}: {body}", reply.status);
    }
    let is_stream =
        reply.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let answer = if is_stream {
        // Events before the answer are empty, or notifications.
        let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(str::trim).rfind(|data| !data.is_empty()).context("a stream without a message")?
    } else {
        body
    };
    let response: Response<'_> = serde_json::from_str(answer).with_context(|| format!("no response: {answer}"))?;
    ensure!(response.id == Some(id), "the answer to another request: {answer}");
    response.result.with_context(|| format!("no result: {answer}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn reply(status: StatusCode, content_type: &'static str, body: &'static str) -> Reply {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Reply { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_result_keeps_its_bytes_in_json_and_in_a_stream() {
        let json = reply(StatusCode::OK, "application/json", r#"{"jsonrpc":"2.0","id":3,"result":{"b": 1.0,"a":2}}"#);
        assert_eq!(result(&json, 3).unwrap().get(), r#"{"b": 1.0,"a":2}"#);
        let stream = "id: 0\ndata:\nretry: 3000\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"b\": 1.0}}\n\n";
        let stream = reply(StatusCode::OK, "text/event-stream", stream);
        assert_eq!(result(&stream, 3).unwrap().get(), r#"{"b": 1.0}"#);
    }

    #[test]
    fn an_error_another_id_or_another_status_is_no_result() {
        let error = r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"no"}}"#;
        assert!(result(&reply(StatusCode::OK, "application/json", error), 3).is_err());
        let other = r#"{"jsonrpc":"2.0","id":4,"result":{}}"#;
        assert!(result(&reply(StatusCode::OK, "application/json", other), 3).is_err());
        let refused = r#"{"jsonrpc":"2.0","id":3,"result":{}}"#;
        assert!(result(&reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", refused), 3).is_err());
    }

    #[test]
    fn results_of_two_revisions_are_compared_by_what_they_say() {
        let earlier = r#"{"content":[],"isError":false}"#;
        let later = r#"{"resultType":"complete","content":[],"isError":false,"_meta":{"a":1}}"#;
        assert!(says_the_same(later, earlier).unwrap());
        assert!(!says_the_same(later, r#"{"content":[1],"isError":false}"#).unwrap());
        assert!(!says_the_same(r#"{"content":[]}"#, earlier).unwrap());
    }
}
