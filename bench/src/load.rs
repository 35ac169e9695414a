//! One measurement: so many connections, so long, one call at a time on each.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::task::JoinSet;

use crate::client::{Client, Failure, Target};

/// No measurement makes more calls, so that its memory is bounded (4 bytes a call).
const MOST_CALLS: usize = 8_000_000;
/// A target that answers wrongly is not asked as fast as it can be.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);

/// What one measurement found.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Right answers in each second.
    pub(crate) calls_per_second: f64,
    /// Half of the right answers took no longer; microseconds. 0 without any.
    pub(crate) p50: u32,
    /// 99 of 100 right answers took no longer; microseconds. 0 without any.
    pub(crate) p99: u32,
    /// Connections that could not be opened, calls without an answer or with a wrong one.
    pub(crate) errors: u64,
    /// The first of them.
    pub(crate) first_error: Option<String>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    /// Microseconds.
    latencies: Vec<u32>,
    errors: u64,
    first_error: Option<String>,
}

impl Seen {
    fn failed(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// Calls `target` for `duration`. Connections stand, and each has made one call, before the clock
/// starts.
pub(crate) async fn measure(target: &Target, connections: usize, duration: Duration) -> Sample {
    let mut seen = Seen::default();
    let mut clients = Vec::with_capacity(connections);
    for opened in join_all((0..connections).map(|_| open(target))).await {
        match opened {
            Ok(client) => clients.push(client),
            Err(error) => seen.failed(&error),
        }
    }
    let most = MOST_CALLS / connections;
    let start = Instant::now();
    let mut running: JoinSet<_> =
        clients.into_iter().map(|client| call_until(client, start + duration, most)).collect();
    let mut ended = Vec::with_capacity(connections);
    while let Some(worker) = running.join_next().await {
        match worker {
            Ok(worker) => ended.push(worker),
            Err(error) => seen.failed(&error.into()),
        }
    }
    let elapsed = start.elapsed();
    for (client, worker) in ended {
        seen.add(worker);
        if let Some(client) = client {
            client.close().await;
        }
    }
    summarize(seen, elapsed)
}

async fn open(target: &Target) -> anyhow::Result<Client> {
    let mut client = Client::open(target).await?;
    match client.call().await {
        Ok(_) => Ok(client),
        Err(Failure::Broken(error) | Failure::Wrong(error)) => Err(error),
    }
}

/// Also gives the client back, if its connection still stands.
async fn call_until(mut client: Client, end: Instant, most: usize) -> (Option<Client>, Seen) {
    let mut seen = Seen::default();
    while Instant::now() < end && seen.latencies.len() < most {
        match client.call().await {
            Ok(took) => seen.latencies.push(took),
            Err(Failure::Wrong(error)) => {
                seen.failed(&error);
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
            Err(Failure::Broken(error)) => {
                seen.failed(&error);
                return (None, seen);
            }
        }
    }
    (Some(client), seen)
}

fn summarize(mut seen: Seen, elapsed: Duration) -> Sample {
    let calls_per_second = seen.latencies.len() as f64 / elapsed.as_secs_f64();
    Sample {
        calls_per_second,
        p50: percentile(&mut seen.latencies, 50),
        p99: percentile(&mut seen.latencies, 99),
        errors: seen.errors,
        first_error: seen.first_error,
    }
}

/// The smallest value that at least `percent` of all do not exceed (nearest rank); 0 of nothing.
pub(crate) fn percentile(values: &mut [u32], percent: usize) -> u32 {
    let rank = (values.len() * percent).div_ceil(100);
    if rank == 0 {
        return 0;
    }
    *values.select_nth_unstable(rank - 1).1
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut hundred, 50), 50);
        assert_eq!(percentile(&mut hundred, 99), 99);
        assert_eq!(percentile(&mut [7, 3], 50), 3);
        assert_eq!(percentile(&mut [7, 3], 99), 7);
        assert_eq!(percentile(&mut [7], 50), 7);
        assert_eq!(percentile(&mut [], 50), 0);
    }
}
