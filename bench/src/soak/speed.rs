//! How fast the others are served without hostiles and with them, in two stretches of one run. The kill of a gateway is
//! in neither.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use super::{
    figures::{Run, Way},
    kind::Kind,
    probe::Probed,
};
use crate::{load::percentile, soak::book::End};

/// The p99 with hostiles may be so many times the one without.
const MOST: f64 = 3.0;
/// A p99 of at most so many milliseconds is never too much: on a busy machine it says nothing.
const FLOOR_MS: f64 = 50.0;
/// The p99 of fewer is the largest of them, and not judged.
const FEWEST: usize = 100;

/// A stretch of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// How long one thing took in one stretch; milliseconds.
#[derive(Debug, PartialEq)]
struct Took {
    count: usize,
    p50: f64,
    p99: f64,
    most: f64,
}

impl Took {
    fn of(measured: &[(Instant, u32)], stretch: Stretch) -> Self {
        let inside = measured.iter().filter(|(at, _)| (stretch.from..stretch.to).contains(at));
        let mut micros: Vec<u32> = inside.map(|(_, micros)| *micros).collect();
        let mut ms = |percent| f64::from(percentile(&mut micros, percent)) / 1000.0;
        let (p50, p99, most) = (ms(50), ms(99), ms(100));
        Self { count: micros.len(), p50, p99, most }
    }

    fn cells(&self) -> String {
        if self.count == 0 {
            return "0 | – | – | –".to_owned();
        }
        format!("{} | {:.1} | {:.1} | {:.1}", self.count, self.p50, self.p99, self.most)
    }
}

/// The table, and what is too slow.
pub(super) fn compare(run: &Run, probed: &Probed, without: Stretch, with: Stretch) -> (String, Vec<String>) {
    let mut table =
        "| | without hostiles | median ms | p99 ms | max ms | with hostiles | median ms | p99 ms | max ms |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    let mut slow = Vec::new();
    let mut row = |what, measured: &Probed| {
        let (without, with) = (Took::of(measured, without), Took::of(measured, with));
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {what} | {} | {} |", without.cells(), with.cells());
        too_slow(what, &without, &with)
    };
    slow.extend(row("a held call, approved", &held(run)));
    slow.extend(row("a call always allowed", &always(run)));
    // Shown only: the bound is on the calls of others.
    row("`/livez`", probed);
    (table, slow)
}

fn too_slow(what: &str, without: &Took, with: &Took) -> Option<String> {
    let judged = without.count.min(with.count) >= FEWEST && with.p99 > FLOOR_MS;
    (judged && with.p99 > MOST * without.p99).then(|| {
        format!(
            "{what}: the p99 with hostiles, {:.1} ms, is more than {MOST} times the one without, {:.1} ms",
            with.p99, without.p99
        )
    })
}

/// From the decision until the agent of a held call has the answer, by when it was decided.
fn held(run: &Run) -> Probed {
    let decided = run.records.iter().filter_map(|(token, record)| {
        let verdict = run.verdicts.get(token)?;
        let (way, took) = Way::of(record, verdict, run.outage.as_ref())?;
        (way == Way::Held).then_some((verdict.decided?, micros(took)))
    });
    decided.collect()
}

/// How long calls took that needed no approval, by when they were sent.
fn always(run: &Run) -> Probed {
    let answered =
        run.records.values().filter(|record| record.kind == Kind::Always && record.end == Some(End::Answered));
    let took = answered.filter_map(|record| {
        let (_, sent, got) = record.last?;
        Some((sent, micros(got.duration_since(sent))))
    });
    took.collect()
}

fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(count: usize, p99: f64) -> Took {
        Took { count, p50: 1.0, p99, most: p99 }
    }

    #[test]
    fn a_p99_of_more_than_three_times_is_too_slow_unless_it_is_small_or_of_few() {
        assert!(too_slow("x", &took(100, 20.0), &took(100, 60.1)).is_some());
        assert_eq!(too_slow("x", &took(100, 20.1), &took(100, 60.2)), None, "within three times");
        assert_eq!(too_slow("x", &took(100, 3.0), &took(100, 50.0)), None, "small");
        assert_eq!(too_slow("x", &took(99, 20.0), &took(100, 600.0)), None, "few without");
        assert_eq!(too_slow("x", &took(100, 20.0), &took(99, 600.0)), None, "few with");
    }

    #[test]
    fn only_what_is_inside_a_stretch_counts_in_it() {
        let from = Instant::now();
        let at = |seconds| from + Duration::from_secs(seconds);
        let measured = [(at(0), 9_000), (at(1), 1_000), (at(2), 3_000), (at(3), 9_000)];
        let stretch = Stretch { from: at(1), to: at(3) };
        assert_eq!(Took::of(&measured, stretch), Took { count: 2, p50: 1.0, p99: 3.0, most: 3.0 });
        assert_eq!(Took::of(&[], stretch).count, 0);
    }
}
