//! Detects the transport of MCP 2024-11-05, HTTP with SSE: a GET opens a stream whose first event, `endpoint`, says
//! where to post. The gateway does not support it, and says so instead of repeating the server's answer to a POST.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use super::super::error::Failure;
use super::answer::is_stream;
use super::peer::Peer;

/// The timeout for the first event.
const WITHIN: Duration = Duration::from_secs(2);
/// How many bytes are read before that event.
const MOST: usize = 4 * 1024;

/// Explains a failed `initialize` better, if the address is of that transport.
pub(super) async fn explain(peer: &Arc<Peer>, failure: Failure) -> Failure {
    // A request that was not sent was not refused.
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
