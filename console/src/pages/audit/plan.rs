//! Which bars the timeline has: how long each is, and which buckets of the server make it.
//!
//! A bar is made of whole buckets and begins where they begin, so that what it counts is what choosing it finds.

use api_types::AuditBucket;
use chrono::{DateTime, Utc};

/// How many bars fit side by side.
const MOST_BARS: i64 = 48;
/// How many buckets the server gives at most; one less, because a range seldom begins with a bucket.
const MOST_BUCKETS: i64 = 999;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// How long a bar may be, in seconds.
const LENGTHS: [i64; 18] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    WEEK,
    2 * WEEK,
    4 * WEEK,
    13 * WEEK,
    52 * WEEK,
];

/// The bars of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The range, in seconds since 1970.
    from: i64,
    to: i64,
    /// The length of the server's buckets in seconds: 60, 3,600 or 86,400.
    pub bucket: i64,
    /// The length of a bar in seconds.
    length: i64,
    /// When the first bar begins; perhaps before the range.
    first: i64,
    bars: i64,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub ok: u64,
    pub failed: u64,
}

impl Plan {
    /// The bars of a range, on a clock that is `offset` seconds ahead of UTC. A range that is longer than what the server
    /// counts at once loses its beginning.
    pub(super) fn new(from: DateTime<Utc>, to: DateTime<Utc>, offset: i64) -> Self {
        let to = to.timestamp().max(from.timestamp() + MINUTE);
        let from = from.timestamp().max(to - MOST_BUCKETS * DAY);
        let planned = LENGTHS.iter().map(|length| Self::of(from, to, *length, offset));
        let fits = |plan: &Self| plan.bars <= MOST_BARS && (to - from) / plan.bucket < MOST_BUCKETS;
        let longest = Self::of(from, to, 52 * WEEK, offset);
        planned.into_iter().find(fits).unwrap_or(longest)
    }

    fn of(from: i64, to: i64, length: i64, offset: i64) -> Self {
        let bucket = match length {
            ..HOUR => MINUTE,
            HOUR..DAY => HOUR,
            _ if (to - from) / HOUR < MOST_BUCKETS => HOUR,
            _ => DAY,
        };
        // Bars begin at the hours and days of the person's clock, as far as buckets do. Weeks begin on Mondays; the first
        // day of 1970 was a Thursday.
        let monday = if length % WEEK == 0 { 4 * DAY } else { 0 };
        let shift = offset.div_euclid(bucket) * bucket - monday;
        let first = (from + shift).div_euclid(length) * length - shift;
        Self { from, to, bucket, length, first, bars: (to - first + length - 1).div_euclid(length) }
    }

    /// The range that is counted.
    pub(super) fn range(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (at(self.from), at(self.to))
    }

    /// The bars with what was counted.
    pub(super) fn fill(&self, buckets: &[AuditBucket]) -> Vec<Bar> {
        let bar = |number: i64| {
            let begin = self.first + number * self.length;
            let (from, to) = (at(begin.max(self.from)), at((begin + self.length).min(self.to)));
            Bar { from, to, ok: 0, failed: 0 }
        };
        let mut bars: Vec<_> = (0..self.bars).map(bar).collect();
        for bucket in buckets {
            let number = (bucket.at.timestamp() - self.first).div_euclid(self.length);
            if let Some(bar) = usize::try_from(number).ok().and_then(|number| bars.get_mut(number)) {
                bar.ok += bucket.ok;
                bar.failed += bucket.failed;
            }
        }
        bars
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// The bar in which a point in time lies.
pub(super) fn bar_of(bars: &[Bar], at: DateTime<Utc>) -> Option<usize> {
    bars.iter().position(|bar| bar.from <= at && at < bar.to)
}

/// How high each bar is above and below the threshold, each in parts of the tallest; what is not nothing can be seen.
pub(super) fn heights(bars: &[Bar], above: f64, below: f64) -> Vec<(f64, f64)> {
    let most = |of: fn(&Bar) -> u64| bars.iter().map(of).max().unwrap_or_default().max(1);
    let (ok, failed) = (most(|bar| bar.ok), most(|bar| bar.failed));
    let part = |count: u64, most: u64, height: f64| match count {
        0 => 0.0,
        count => (height * count as f64 / most as f64).max(3.0).round(),
    };
    bars.iter().map(|bar| (part(bar.ok, ok, above), part(bar.failed, failed, below))).collect()
}

/// Which bars have a label under them: at most four, evenly apart.
pub(super) fn labelled(bars: usize) -> Vec<usize> {
    let labels = bars.min(4);
    (0..labels).map(|label| label * bars / labels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of bars, their length in minutes, and the bucket.
    fn planned(hours: i64, offset: i64) -> (i64, i64, i64) {
        let to = 1_795_856_400; // a full hour
        let plan = Plan::new(at(to - hours * HOUR), at(to), offset);
        (plan.bars, plan.length / MINUTE, plan.bucket)
    }

    #[test]
    fn a_range_has_as_many_bars_as_can_be_told_apart() {
        assert_eq!(planned(1, 0), (30, 2, 60));
        assert_eq!(planned(3, 0), (36, 5, 60));
        assert_eq!(planned(12, 0), (48, 15, 60));
        assert_eq!(planned(24, 0), (24, 60, 3_600));
        let (bars, length, bucket) = planned(7 * 24, 0);
        assert!(bars <= 48 && (length, bucket) == (6 * 60, 3_600), "{bars} {length}");
        let (bars, length, bucket) = planned(30 * 24, 0);
        assert!((30..=31).contains(&bars) && (length, bucket) == (24 * 60, 3_600), "days of the person's clock");
        let (_, length, bucket) = planned(90 * 24, 0);
        assert_eq!((length, bucket), (2 * 24 * 60, 86_400));
    }

    #[test]
    fn no_range_asks_for_more_than_the_server_gives() {
        for days in [0, 1, 3, 8, 41, 42, 100, 336, 900, 999, 5_000, 40_000] {
            let to = 4_000_000_000;
            let plan = Plan::new(at(to - days * DAY - 7), at(to), 7_200);
            let buckets = (plan.to - plan.from) / plan.bucket + 1;
            assert!(buckets <= 1_000 && (1..=MOST_BARS).contains(&plan.bars), "{days} days: {plan:?}");
        }
    }

    #[test]
    fn bars_begin_on_the_persons_clock_and_lie_within_the_range() {
        let (from, to) = (at(1_795_861_800 - 30 * DAY), at(1_795_861_800));
        for offset in [0, 7_200, -5 * HOUR, 5 * HOUR + 30 * MINUTE] {
            let plan = Plan::new(from, to, offset);
            let bars = plan.fill(&[]);
            assert_eq!((bars.first().map(|bar| bar.from), bars.last().map(|bar| bar.to)), (Some(from), Some(to)));
            assert!(bars.windows(2).all(|two| two[0].to == two[1].from && two[0].from < two[0].to));
            let second = bars[1].from.timestamp() + offset;
            assert_eq!(second.rem_euclid(DAY) / HOUR, 0, "midnight, as far as the server's hours have it");
            assert_eq!(bars[1].from.timestamp() % plan.bucket, 0, "and with a bucket");
        }
    }

    #[test]
    fn every_bucket_is_counted_in_the_bar_that_covers_it() {
        let (from, to) = (at(3 * HOUR), at(6 * HOUR));
        let plan = Plan::new(from, to, 0);
        let bucket = |seconds, ok, failed| AuditBucket { at: at(seconds), ok, failed };
        let bars = plan.fill(&[
            bucket(3 * HOUR, 2, 1),
            bucket(3 * HOUR + 4 * MINUTE, 3, 0),
            bucket(3 * HOUR + 5 * MINUTE, 7, 0),
            bucket(9 * HOUR, 100, 100),
        ]);
        assert_eq!((bars[0].ok, bars[0].failed, bars[1].ok), (5, 1, 7));
        assert_eq!(bars.iter().map(|bar| bar.ok + bar.failed).sum::<u64>(), 13, "what is outside is not counted");
        assert_eq!(bar_of(&bars, at(3 * HOUR + 299)), Some(0));
        assert_eq!(bar_of(&bars, at(3 * HOUR + 300)), Some(1));
        assert_eq!(bar_of(&bars, to), None);
    }

    #[test]
    fn a_bar_of_one_can_be_seen_beside_one_of_a_thousand() {
        let bar = |ok, failed| Bar { from: at(0), to: at(60), ok, failed };
        assert_eq!(
            heights(&[bar(1_000, 0), bar(1, 4), bar(0, 2)], 48.0, 30.0),
            [(48.0, 0.0), (3.0, 30.0), (0.0, 15.0)]
        );
        assert_eq!(heights(&[bar(0, 0)], 48.0, 30.0), [(0.0, 0.0)]);
    }

    #[test]
    fn few_labels_stand_under_many_bars() {
        assert_eq!(labelled(24), [0, 6, 12, 18]);
        assert_eq!(labelled(2), [0, 1]);
        assert!(labelled(0).is_empty());
    }
}
