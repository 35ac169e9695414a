//! Logs: events with fields; no secrets, arguments or tokens at any level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The id of a request: in the answer's `x-request-id`, in the log and in the audit.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub uuid::Uuid);

/// Starts the log, at the level that `filter` says (`info`, `permesso=debug`, …). A second call does
/// nothing.
pub fn start_log(filter: &str) {
    // It calls every session that has ended "suspicious"; what asks for it by name still gets it.
    let filter = format!("tower_sessions_core=error,{filter}");
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A log that is started already stays as it is.
    let _ = log.try_init();
}
