//! `permesso sample-upstream`: an MCP server to try the gateway on, an invoice
//! ledger in one file. What stands in the file has really run, as often as its
//! counts say.

mod ledger;
mod tools;

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rmcp::ServiceExt as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::output::{Output, note};
use ledger::Ledger;
use tools::LedgerServer;

/// Serve a small invoice ledger over MCP, to try the gateway on.
///
/// Tools: list_invoices (read-only), send_invoice, delete_ledger (destructive). The
/// ledger is a JSON file with the invoices and how often each tool has changed it.
#[derive(Debug, Clone, clap::Args)]
pub struct SampleUpstreamArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Speak MCP on stdin and stdout instead of HTTP
    #[arg(long, conflicts_with = "listen")]
    pub stdio: bool,

    /// The ledger's file; made with the first change
    #[arg(long, value_name = "FILE")]
    pub ledger: PathBuf,

    /// Answer send_invoice so many milliseconds after it was written. To try out what
    /// happens when contact is lost in between
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, hide_short_help = true)]
    pub delay_ms: u64,
}

/// Runs the command until it is interrupted or, with `--stdio`, stdin ends.
///
/// # Errors
/// When the address cannot be bound, or serving fails.
pub(super) async fn run(args: SampleUpstreamArgs, out: Output) -> anyhow::Result<()> {
    let delay = Duration::from_millis(args.delay_ms);
    if args.stdio {
        return serve_stdio(args.ledger, delay).await;
    }
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let endpoint = endpoint(&listener)?;
    out.say(&json!({"url": endpoint}), format_args!("sample upstream on {endpoint}"));
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    serve(listener, args.ledger, delay, cancel).await
}

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

async fn serve_stdio(ledger: PathBuf, delay: Duration) -> anyhow::Result<()> {
    let server = LedgerServer::new(Arc::new(Ledger::new(ledger)), delay);
    let input = tokio::fs::File::from_std(File::from(std::io::stdin().as_fd().try_clone_to_owned()?));
    let output = tokio::fs::File::from_std(File::from(std::io::stdout().as_fd().try_clone_to_owned()?));
    note("sample upstream on stdio");
    let service = server.serve((input, output)).await?;
    service.waiting().await?;
    Ok(())
}
