//! The order of measurements. A machine that slows down or is busy for a while should do so to
//! both sides: rounds are outermost, and both targets of a pair follow each other closely and take
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

impl Plan {
    /// What stands above the table, of results of this size.
    ///
    /// # Errors
    /// When the number of cores is not known.
    pub(crate) fn title(&self, bytes: usize) -> anyhow::Result<String> {
        let (rounds, seconds, cores) = (self.rounds, self.duration.as_secs(), std::thread::available_parallelism()?);
        Ok(format!("{rounds} rounds of {seconds} s, {cores} cores, a result of {bytes} bytes"))
    }
}

/// The same tool at two places.
#[derive(Debug)]
pub(crate) struct Pair {
    /// What the upstream is called in the table.
    pub(crate) upstream: &'static str,
    pub(crate) targets: [Target; 2],
}

/// Measures all of `pairs`: a row for each pair and number of connections. `titles` says what the two places are.
///
/// # Errors
/// When calls already fail in the warm-up: measuring would say nothing.
pub(crate) async fn run(plan: &Plan, titles: [&str; 2], pairs: &[Pair]) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<_> = pairs
        .iter()
        .flat_map(|pair| plan.connections.iter().map(move |connections| (pair, Row::new(pair.upstream, *connections))))
        .collect();
    eprintln!("warming up");
    for (pair, row) in &rows {
        for (title, target) in titles.iter().zip(&pair.targets) {
            let Sample { errors, first_error, .. } = one(target, row.connections, WARM_UP).await;
            ensure!(errors == 0, "{}, {title}: {}", pair.upstream, first_error.unwrap_or_default());
        }
    }
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for (pair, row) in &mut rows {
            for place in if round % 2 == 1 { [0, 1] } else { [1, 0] } {
                let sample = one(&pair.targets[place], row.connections, plan.duration).await;
                row.samples[place].push(sample);
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
