//! The order of measurements. A machine that slows down or is busy for a while should do so to
//! both sides: rounds are outermost, and direct and gateway follow each other closely and take
//! turns in going first.

use std::time::Duration;

use anyhow::ensure;

use crate::{
    client::Target,
    load::{Sample, measure},
    report::Row,
};

/// A first round of this length is not counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Between two measurements, for work that a server does after its answers.
const REST: Duration = Duration::from_millis(250);

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of one measurement.
    pub(crate) duration: Duration,
    /// Of each measurement.
    pub(crate) rounds: u32,
    /// Numbers of connections.
    pub(crate) connections: Vec<usize>,
}

/// The same tool, called both ways.
#[derive(Debug)]
pub(crate) struct Pair {
    /// What the upstream is called in the table.
    pub(crate) upstream: &'static str,
    pub(crate) direct: Target,
    pub(crate) gateway: Target,
}

/// Measures all of `pairs`: a row for each pair and number of connections.
///
/// # Errors
/// When calls already fail in the warm-up: measuring would say nothing.
pub(crate) async fn run(plan: &Plan, pairs: &[Pair]) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<_> = pairs
        .iter()
        .flat_map(|pair| plan.connections.iter().map(move |connections| (pair, Row::new(pair.upstream, *connections))))
        .collect();
    eprintln!("warming up");
    for (pair, row) in &rows {
        for (path, target) in [("direct", &pair.direct), ("through the gateway", &pair.gateway)] {
            let Sample { errors, first_error, .. } = one(target, row.connections, WARM_UP).await;
            ensure!(errors == 0, "{} {path}: {}", pair.upstream, first_error.unwrap_or_default());
        }
    }
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for (pair, row) in &mut rows {
            let connections = row.connections;
            if round % 2 == 1 {
                row.direct.push(one(&pair.direct, connections, plan.duration).await);
                row.gateway.push(one(&pair.gateway, connections, plan.duration).await);
            } else {
                row.gateway.push(one(&pair.gateway, connections, plan.duration).await);
                row.direct.push(one(&pair.direct, connections, plan.duration).await);
            }
        }
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

async fn one(target: &Target, connections: usize, duration: Duration) -> Sample {
    let sample = measure(target, connections, duration).await;
    if let Some(error) = &sample.first_error {
        eprintln!("{} errors at {connections} connections; the first: {error}", sample.errors);
    }
    tokio::time::sleep(REST).await;
    sample
}
