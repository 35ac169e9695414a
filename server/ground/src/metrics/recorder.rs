//! What a metric is, and the recorder that gathers all of them in Prometheus's form.

use std::{sync::OnceLock, time::Duration};

use ::metrics::{Label, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio_util::sync::CancellationToken;

use super::ALL;

/// What is known of a metric before anything is counted.
#[derive(Debug)]
pub struct Metric {
    /// What Prometheus calls it.
    pub name: &'static str,
    /// What is counted, and how.
    pub kind: Kind,
    /// Its labels, each with all its values.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// What it means.
    pub help: &'static str,
}

/// The kinds of metrics.
#[derive(Debug)]
pub enum Kind {
    /// Counts events since the start of the process.
    Counter,
    /// Counts measurements in this unit by size, in buckets with these upper bounds.
    Histogram(Unit, &'static [f64]),
}

impl Metric {
    pub(super) fn count(&self, values: &[&'static str]) {
        ::metrics::counter!(self.name, self.labelled(values)).increment(1);
    }

    pub(super) fn record(&self, values: &[&'static str], measured: f64) {
        ::metrics::histogram!(self.name, self.labelled(values)).record(measured);
    }

    fn labelled(&self, values: &[&'static str]) -> Vec<Label> {
        let is_listed = || self.labels.iter().zip(values).all(|((_, listed), value)| listed.contains(value));
        debug_assert!(values.len() == self.labels.len() && is_listed(), "{}: {values:?}", self.name);
        self.labels.iter().zip(values).map(|((key, _), value)| Label::from_static_parts(key, value)).collect()
    }

    /// Describes it, and begins every time series of it at zero: a first event is an increase, too.
    fn begin(&self) {
        let mut series: Vec<Vec<&'static str>> = vec![Vec::new()];
        for (_, values) in self.labels {
            series = series.iter().flat_map(|of| values.iter().map(|value| [of, &[*value][..]].concat())).collect();
        }
        match self.kind {
            Kind::Counter => {
                ::metrics::describe_counter!(self.name, self.help);
                for values in series {
                    ::metrics::counter!(self.name, self.labelled(&values)).increment(0);
                }
            }
            Kind::Histogram(unit, _) => {
                ::metrics::describe_histogram!(self.name, unit, self.help);
                for values in series {
                    drop(::metrics::histogram!(self.name, self.labelled(&values)));
                }
            }
        }
    }
}

/// A recorder that knows all metrics.
///
/// # Errors
/// When a histogram has no buckets.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        if let Kind::Histogram(_, buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    let recorder = builder.build_recorder();
    ::metrics::with_local_recorder(&recorder, || ALL.iter().for_each(|metric| metric.begin()));
    Ok(recorder)
}

/// Starts collecting metrics: what was counted before is lost. A second call does nothing.
pub fn start() {
    handle();
}

/// The metrics of this process in Prometheus's text format.
pub fn render() -> String {
    handle().map(PrometheusHandle::render).unwrap_or_default()
}

/// Keeps the memory of the histograms bounded, whether or not anybody scrapes them, until `stop`.
pub async fn upkeep(stop: CancellationToken) {
    if let Some(handle) = handle() {
        fold(handle, FOLD, stop).await;
    }
}

/// How often measurements are folded into their buckets: until then each takes up memory.
const FOLD: Duration = Duration::from_secs(5);

async fn fold(handle: &PrometheusHandle, pause: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        handle.run_upkeep();
    }
}

fn handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let started = HANDLE.get_or_init(|| {
        let recorder = recorder().ok()?;
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).ok().map(|()| handle)
    });
    started.as_ref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn measurements_are_folded_while_nobody_scrapes() {
        let recorder = recorder().unwrap();
        let (handle, stop) = (recorder.handle(), CancellationToken::new());
        ::metrics::with_local_recorder(&recorder, || super::super::audit_committed(1, Duration::from_secs(7)));
        // What its `Debug` says is all that can be seen without scraping.
        let is_folded = || format!("{handle:?}").contains("sum: 7.0");
        assert!(!is_folded(), "not yet");
        let looking = async {
            while !is_folded() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        };
        let both = async { tokio::join!(fold(&handle, Duration::from_millis(1), stop.clone()), looking) };
        tokio::time::timeout(Duration::from_secs(10), both).await.expect("folded, and ended with its token");
    }
}
