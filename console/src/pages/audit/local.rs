//! Points and spans of time as the person's clock has them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use js_sys::{Date, Object, Reflect};
use wasm_bindgen::JsValue;

use crate::components::to_field;

/// A point in time on the person's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Such as `2026-11-28`.
    pub date: String,
    /// Such as `14:00`.
    pub time: String,
    /// The day in words, such as "28 Nov".
    pub day: String,
}

impl Local {
    /// This point in time.
    pub(super) fn of(at: DateTime<Utc>) -> Self {
        let date = date_of(at);
        Self { time: to_field(at).split_off(11), day: day_words(at, "short", None), date }
    }

    fn is_midnight(&self) -> bool {
        self.time == "00:00"
    }

    /// With the day where that is not today.
    fn words(&self, today: &str) -> String {
        match (self.date == today, self.is_midnight()) {
            (true, _) => self.time.clone(),
            (false, true) => self.day.clone(),
            (false, false) => format!("{}, {}", self.day, self.time),
        }
    }
}

/// The local date, such as `2026-11-28`.
pub(super) fn date_of(at: DateTime<Utc>) -> String {
    let mut date = to_field(at);
    date.truncate(10);
    date
}

/// The local time with seconds, such as `14:00:07`.
pub(super) fn clock_of(at: DateTime<Utc>) -> String {
    // Time zones differ by whole minutes.
    format!("{}:{:02}", to_field(at).split_off(11), at.timestamp().rem_euclid(60))
}

/// The point in time for a machine, to the millisecond.
pub(super) fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The name of a local day over its records: "Yesterday", or "Saturday 28 November".
pub(super) fn day_name(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let day = date_of(at);
    if day == date_of(now) {
        "Today".to_owned()
    } else if day == date_of(now - TimeDelta::days(1)) {
        "Yesterday".to_owned()
    } else {
        day_words(at, "long", Some("long"))
    }
}

/// How far the person's clock is ahead of UTC at this time, in seconds.
pub(super) fn offset(at: DateTime<Utc>) -> i64 {
    -(in_browser(at).get_timezone_offset() as i64) * 60
}

fn in_browser(at: DateTime<Utc>) -> Date {
    Date::new(&JsValue::from_f64(at.timestamp_millis() as f64))
}

fn day_words(at: DateTime<Utc>, month: &str, weekday: Option<&str>) -> String {
    let options = Object::new();
    let set = |name: &str, value: &str| {
        // Only a frozen object refuses.
        let _ = Reflect::set(&options, &name.into(), &value.into());
    };
    set("day", "numeric");
    set("month", month);
    if let Some(weekday) = weekday {
        set("weekday", weekday);
    }
    in_browser(at).to_locale_date_string("default", &options).into()
}

/// A span in words. `last` is the last second of it.
fn words(from: &Local, to: &Local, last: &Local, today: &str) -> String {
    if from.is_midnight() && to.is_midnight() {
        return match from.date == last.date {
            true => from.day.clone(),
            false => format!("{} – {}", from.day, last.day),
        };
    }
    match from.date == last.date {
        true => format!("{}–{}", from.words(today), to.time),
        false => format!("{} – {}", from.words(today), to.words(today)),
    }
}

/// A span in words, such as "14:00–15:00" or "27 Nov – 28 Nov".
pub(super) fn span(from: DateTime<Utc>, to: DateTime<Utc>, now: DateTime<Utc>) -> String {
    // An address may name the very first second that there is.
    let last = to.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(to);
    words(&Local::of(from), &Local::of(to), &Local::of(last), &date_of(now))
}

/// A time range that may be open, in words.
pub(super) fn range(range: (Option<DateTime<Utc>>, Option<DateTime<Utc>>), now: DateTime<Utc>) -> Option<String> {
    Some(match range {
        (None, None) => return None,
        (Some(from), Some(to)) => span(from, to, now),
        (Some(from), None) => format!("Since {}", Local::of(from).words(&date_of(now))),
        (None, Some(to)) => format!("Before {}", Local::of(to).words(&date_of(now))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str, time: &str) -> Local {
        let day = if date.ends_with("27") { "27 Nov" } else { "28 Nov" };
        Local { date: date.to_owned(), time: time.to_owned(), day: day.to_owned() }
    }

    const TODAY: &str = "2026-11-28";
    const BEFORE: &str = "2026-11-27";

    #[test]
    fn a_span_names_the_day_only_where_it_is_another() {
        let said = |from, to, last, today| words(&from, &to, &last, today);
        assert_eq!(said(at(TODAY, "14:00"), at(TODAY, "15:00"), at(TODAY, "14:59"), TODAY), "14:00–15:00");
        assert_eq!(said(at(BEFORE, "14:00"), at(BEFORE, "15:00"), at(BEFORE, "14:59"), TODAY), "27 Nov, 14:00–15:00");
        assert_eq!(said(at(BEFORE, "22:00"), at(TODAY, "02:00"), at(TODAY, "01:59"), TODAY), "27 Nov, 22:00 – 02:00");
        assert_eq!(said(at(TODAY, "23:00"), at("2026-11-29", "00:00"), at(TODAY, "23:59"), TODAY), "23:00–00:00");
    }

    #[test]
    fn whole_days_are_days() {
        let next = at("2026-11-29", "00:00");
        assert_eq!(words(&at(TODAY, "00:00"), &next, &at(TODAY, "23:59"), TODAY), "28 Nov");
        assert_eq!(words(&at(BEFORE, "00:00"), &next, &at(TODAY, "23:59"), TODAY), "27 Nov – 28 Nov");
    }
}
