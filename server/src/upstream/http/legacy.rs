//! Addresses of the transport of MCP 2024-11-05, HTTP with SSE: a GET opens a stream whose first event, `endpoint`, says
//! where to post. The gateway does not speak it, and says so instead of what the server answers to a POST there.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use super::super::error::Failure;
use super::answer::is_stream;
use super::peer::Peer;

/// How long the first event may take to come.
const WITHIN: Duration = Duration::from_secs(2);
/// How much is read before it, in bytes.
const MOST: usize = 4 * 1024;

/// Why `initialize` failed, in better words where the address is of that transport.
pub(super) async fn explain(peer: &Arc<Peer>, failure: Failure) -> Failure {
    // What was not sent was not refused by anybody.
    let is_refusal = matches!(failure, Failure::Unknown(_));
    if !is_refusal || !tokio::time::timeout(WITHIN, names_endpoint(peer)).await.unwrap_or(false) {
        return failure;
    }
    Failure::not_sent(
        "this is an address of the transport HTTP with SSE (MCP 2024-11-05), which the gateway does not speak; use the \
         server's address for streamable HTTP, which often ends in /mcp",
    )
}

async fn names_endpoint(peer: &Peer) -> bool {
    let Ok(request) = peer.start(Method::GET, false) else { return false };
    let Ok(mut response) = request.send().await else { return false };
    if !response.status().is_success() || !is_stream(&response) {
        return false;
    }
    let mut events = wire::sse::Decoder::new(MOST);
    let mut read = 0;
    while let Ok(Some(piece)) = response.chunk().await {
        read += piece.len();
        if events.push(&piece).is_err() {
            return false;
        }
        match events.pop() {
            Some(event) => return event.event.as_deref() == Some("endpoint"),
            None if read > MOST => return false,
            None => {}
        }
    }
    false
}
