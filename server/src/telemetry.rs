//! Logs and metrics. Logs are events with fields; no secrets, arguments or tokens at any level.

use std::{io::IsTerminal, sync::OnceLock};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// The id of a request: in the answer's `x-request-id`, in the log and in the audit.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub uuid::Uuid);

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

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

/// The metrics of this process in Prometheus's text format.
pub fn render_metrics() -> String {
    metrics_handle().map(|handle| handle.render()).unwrap_or_default()
}

/// Starts collecting metrics: what was counted before is lost. A second call does nothing.
pub fn start_metrics() {
    metrics_handle();
}

/// Folds what was measured since the last time into the histograms: between two scrapes it would only gather.
pub fn tidy_metrics() {
    if let Some(handle) = metrics_handle() {
        handle.run_upkeep();
    }
}

fn metrics_handle() -> Option<&'static PrometheusHandle> {
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).as_ref()
}
