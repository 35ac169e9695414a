//! The table: for each figure the median of the rounds, and the least and the most.

use std::fmt::Write;

use crate::load::Sample;

/// All rounds of one upstream at one number of connections.
#[derive(Debug)]
pub(crate) struct Row {
    upstream: &'static str,
    pub(crate) connections: usize,
    /// Of both places.
    pub(crate) samples: [Vec<Sample>; 2],
}

impl Row {
    /// One without measurements yet.
    pub(crate) fn new(upstream: &'static str, connections: usize) -> Self {
        Self { upstream, connections, samples: [Vec::new(), Vec::new()] }
    }

    /// Of all rounds and both places.
    pub(crate) fn errors(&self) -> u64 {
        self.samples.iter().flatten().map(|sample| sample.errors).sum()
    }
}

/// The rows in Markdown, with what the two places are called; latencies in milliseconds.
pub(crate) fn table([one, other]: [&str; 2], rows: &[Row]) -> String {
    let mut table = format!(
        "| upstream | connections | {one} calls/s | p50 ms | p99 ms | {other} calls/s | p50 ms | p99 ms | errors |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let Row { upstream, connections, samples: [one, other] } = row;
        let (one, other) = (figures(one), figures(other));
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {upstream} | {connections} | {one} | {other} | {} |", row.errors());
    }
    table
}

fn figures(samples: &[Sample]) -> String {
    let milliseconds = |microseconds: u32| f64::from(microseconds) / 1000.0;
    let rate = spread(samples.iter().map(|sample| sample.calls_per_second).collect(), |_| 0);
    // A hundredth of a millisecond is coarse for what takes only some of them.
    let fine = |median: f64| if median < 1.0 { 3 } else { 2 };
    let p50 = spread(samples.iter().map(|sample| milliseconds(sample.p50)).collect(), fine);
    let p99 = spread(samples.iter().map(|sample| milliseconds(sample.p99)).collect(), fine);
    format!("{rate} | {p50} | {p99}")
}

/// `median (least–most)`, with as many decimals as `decimals` says for the median.
pub(crate) fn spread(mut values: Vec<f64>, decimals: fn(f64) -> usize) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let median = f64::midpoint(lower, upper);
    let decimals = decimals(median);
    format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_median_least_and_most_of_the_rounds() {
        let sample =
            |calls_per_second, p50, p99, errors| Sample { calls_per_second, p50, p99, errors, first_error: None };
        let mut row = Row::new("ledger", 16);
        row.samples = [
            vec![sample(300.0, 400, 900, 0), sample(100.0, 600, 1100, 0), sample(200.4, 500, 1000, 0)],
            vec![sample(10.0, 1000, 2000, 1), sample(20.0, 3000, 4000, 2)],
        ];
        let table = table(["direct", "gateway"], &[row]);
        assert!(table.starts_with("| upstream | connections | direct calls/s | p50 ms | p99 ms | gateway calls/s |"));
        let line = table.lines().last().unwrap_or_default();
        assert_eq!(
            line,
            "| ledger | 16 | 200 (100–300) | 0.500 (0.400–0.600) | 1.00 (0.90–1.10) \
             | 15 (10–20) | 2.00 (1.00–3.00) | 3.00 (2.00–4.00) | 3 |"
        );
    }

    #[test]
    fn errors_of_both_places_count() {
        let failed = |errors| Sample { errors, ..Sample::default() };
        let mut row = Row::new("echo", 1);
        row.samples = [vec![failed(1)], vec![failed(2), failed(3)]];
        assert_eq!(row.errors(), 6);
    }
}
