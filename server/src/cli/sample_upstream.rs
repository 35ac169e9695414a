//! `permesso sample-upstream`: the sample upstream of the crate `devkit`, as a command.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use devkit::sample_upstream::{endpoint, serve, serve_stdio};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::output::{Output, note};

/// Serve a small invoice ledger over MCP, to try the gateway on.
///
/// Tools: list_invoices (read-only), send_invoice, delete_ledger (destructive). The
/// ledger is a JSON file with the invoices and how often each tool has changed it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SampleUpstreamArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Speak MCP on stdin and stdout instead of HTTP
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,

    /// The ledger's file; made with the first change
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,

    /// Answer send_invoice so many milliseconds after it was written. To try out what
    /// happens when contact is lost in between
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, hide_short_help = true)]
    delay_ms: u64,
}

/// Runs the command until it is interrupted or, with `--stdio`, stdin ends.
///
/// # Errors
/// When the address cannot be bound, or serving fails.
pub(super) async fn run(args: SampleUpstreamArgs, out: Output) -> anyhow::Result<()> {
    let delay = Duration::from_millis(args.delay_ms);
    if args.stdio {
        note("sample upstream on stdio");
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
