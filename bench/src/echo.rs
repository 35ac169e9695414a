//! The least that an upstream can do: constant bytes with the request's id, no session, no stream.
//! What a call through the gateway takes longer than a call of this is the gateway's own.

use std::sync::Arc;

use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::net::TcpListener;

use crate::invoices::invoices;

const INITIALIZED: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}"#;
const TOOLS: &str = r#"{"tools":[{"name":"list_invoices","description":"List every invoice that was sent.","inputSchema":{"type":"object","properties":{}},"annotations":{"readOnlyHint":true}}]}"#;

/// Runs on a free port of loopback until it is interrupted, and prints where.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen on loopback")?;
    println!("echo upstream on http://{}/mcp", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Only latency suffers without it.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router()).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

async fn interrupted() {
    // Without a handler the signal ends the process anyway.
    let _ = tokio::signal::ctrl_c().await;
}

fn router() -> Router {
    let listed = json!({ "invoices": invoices() });
    let result = json!({
        "content": [{ "type": "text", "text": listed.to_string() }],
        "structuredContent": listed,
        "isError": false,
    });
    Router::new().route("/mcp", post(answer)).with_state(Arc::from(result.to_string()))
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
}

async fn answer(State(listed): State<Arc<str>>, body: Bytes) -> Response {
    let Ok(Request { id, method }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(id) = id else { return StatusCode::ACCEPTED.into_response() };
    let result = match method {
        "initialize" => INITIALIZED,
        "tools/list" => TOOLS,
        "tools/call" => &listed,
        "ping" => "{}",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        client::{Client, Target},
        load,
    };

    #[tokio::test]
    async fn calls_of_the_echo_are_measured_without_errors() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router()).await });

        let target = Target::upstream(&url).await.unwrap();
        let sample = load::measure(&target, 3, std::time::Duration::from_millis(50)).await;
        assert_eq!(sample.errors, 0, "{:?}", sample.first_error);
        assert!(sample.calls_per_second > 0.0 && sample.p50 <= sample.p99);

        let mut expects_more = target.clone();
        expects_more.result = "{}".into();
        assert!(Client::open(&expects_more).await.unwrap().call().await.is_err(), "another result was taken");
        server.abort();
    }
}
