//! Times in words: "18 minutes ago", "42 min left".

use chrono::{DateTime, TimeDelta, Utc};

/// How long ago `at` was. A point a little in the future (clocks differ) is "just now".
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - at;
    match passed.num_seconds() {
        ..10 => "just now".to_owned(),
        10..60 => "less than a minute ago".to_owned(),
        _ => format!("{} ago", amount(passed, false)),
    }
}

/// How long there is until `at`: "42 min left".
pub fn left(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let amount = remaining(at, now);
    if at > now { format!("{amount} left") } else { amount }
}

/// The same for a column of times: "42 min".
pub fn remaining(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = at - now;
    match left.num_seconds() {
        ..=0 => "over".to_owned(),
        seconds @ 1..60 => format!("{seconds} s"),
        _ => amount(left, true),
    }
}

/// Whole seconds until `at`, such as "4 s": never below one, since a clock of seconds runs behind.
pub fn countdown(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let milliseconds = (at - now).num_milliseconds();
    format!("{} s", ((milliseconds + 999) / 1_000).max(1))
}

/// A span of calls: microseconds as people read them.
pub fn duration(microseconds: i64) -> String {
    match microseconds {
        ..1_000 => format!("{microseconds} µs"),
        1_000..10_000 => format!("{}.{} ms", microseconds / 1_000, microseconds % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", microseconds / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", microseconds / 1_000_000, microseconds % 1_000_000 / 100_000),
        _ => amount(TimeDelta::microseconds(microseconds), true),
    }
}

fn amount(span: TimeDelta, short: bool) -> String {
    let (number, one, many, brief) = match span.num_minutes() {
        ..60 => (span.num_minutes(), "minute", "minutes", "min"),
        60..2_880 => (span.num_hours(), "hour", "hours", "h"),
        _ => (span.num_days(), "day", "days", "d"),
    };
    match (short, number) {
        (true, _) => format!("{number} {brief}"),
        (false, 1) => format!("1 {one}"),
        (false, _) => format!("{number} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64) -> (DateTime<Utc>, DateTime<Utc>) {
        let at = DateTime::UNIX_EPOCH;
        (at, at + TimeDelta::seconds(seconds))
    }

    #[test]
    fn the_past_is_told_in_the_largest_unit_that_says_something() {
        for (seconds, words) in [
            (-5, "just now"),
            (3, "just now"),
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (18 * 60, "18 minutes ago"),
            (3_600, "1 hour ago"),
            (47 * 3_600, "47 hours ago"),
            (48 * 3_600, "2 days ago"),
        ] {
            let (at, now) = after(seconds);
            assert_eq!(ago(at, now), words);
        }
    }

    #[test]
    fn what_is_left_is_never_more_than_there_is() {
        for (seconds, words) in
            [(0, "over"), (1, "1 s left"), (61, "1 min left"), (3_599, "59 min left"), (7_200, "2 h left")]
        {
            let (now, at) = after(seconds);
            assert_eq!(left(at, now), words);
        }
        let (now, at) = after(61);
        assert_eq!(remaining(at, now), "1 min");
    }

    #[test]
    fn a_countdown_ends_at_one() {
        let start = DateTime::UNIX_EPOCH;
        let left =
            |milliseconds| countdown(start + TimeDelta::seconds(5), start + TimeDelta::milliseconds(milliseconds));
        assert_eq!([left(0), left(1), left(1_000), left(4_999), left(6_000)], ["5 s", "5 s", "4 s", "1 s", "1 s"]);
    }

    #[test]
    fn durations_have_two_digits_that_matter() {
        for (microseconds, words) in
            [(900, "900 µs"), (1_250, "1.2 ms"), (48_000, "48 ms"), (2_340_000, "2.3 s"), (125_000_000, "2 min")]
        {
            assert_eq!(duration(microseconds), words);
        }
    }
}
