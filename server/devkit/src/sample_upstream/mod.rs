//! `permesso sample-upstream`: an MCP server to try the gateway on, an invoice
//! ledger in one file. What stands in the file has really run, as often as its
//! counts say.

mod ledger;
mod tools;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use ledger::Ledger;
use tools::LedgerServer;

/// The MCP endpoint that [`serve`] offers on this listener, as a URL.
///
/// # Errors
/// When the listener has no address.
pub fn endpoint(listener: &TcpListener) -> anyhow::Result<String> {
    Ok(format!("http://{}/mcp", listener.local_addr()?))
}

/// Serves the ledger at `/mcp` until `cancel`. `delay` is what `send_invoice` waits
/// between writing and answering.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    ledger: PathBuf,
    delay: Duration,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let server = LedgerServer::new(Arc::new(Ledger::new(ledger)), delay);
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts([
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
            address.ip().to_string(),
        ])
        .enforce_origin_validation()
        .with_cancellation_token(cancel.child_token());
    let service =
        StreamableHttpService::new(move || Ok(server.clone()), Arc::new(LocalSessionManager::default()), config);
    let router = axum::Router::new().route_service("/mcp", service);
    // Small answers must not wait for the client's acknowledgement of the one before.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned()).await?;
    Ok(())
}

/// Serves the ledger on stdin and stdout until stdin ends.
///
/// # Errors
/// When the streams fail, or what comes is not MCP.
pub async fn serve_stdio(ledger: PathBuf, delay: Duration) -> anyhow::Result<()> {
    let server = LedgerServer::new(Arc::new(Ledger::new(ledger)), delay);
    let input = tokio::fs::File::from_std(File::from(std::io::stdin().as_fd().try_clone_to_owned()?));
    let output = tokio::fs::File::from_std(File::from(std::io::stdout().as_fd().try_clone_to_owned()?));
    let service = server.serve((input, output)).await?;
    service.waiting().await?;
    Ok(())
}
