//! Points in time: local and relative in words, UTC and exact on hover.

use chrono::{DateTime, SecondsFormat, Utc};
use gloo_timers::callback::Interval;
use leptos::prelude::*;

use crate::{api::server_time, show::time};

use crate::reactive::{RwSignal, memo, varying};

/// What time it is, for every relative word on the page: moves once a second.
#[derive(Clone, Copy)]
pub struct Clock(pub RwSignal<DateTime<Utc>>);

impl Clock {
    /// Starts it, for everything underneath.
    pub fn provide() {
        let signal = RwSignal::new(now());
        let ticking = Interval::new(1_000, move || signal.set(now()));
        // It goes as long as the page is open.
        ticking.forget();
        provide_context(Self(signal));
    }

    /// The time now, as a signal.
    pub fn here() -> RwSignal<DateTime<Utc>> {
        expect_context::<Self>().0
    }
}

/// A point in the past, such as "18 minutes ago".
#[component]
pub fn Time(
    /// When.
    at: DateTime<Utc>,
    /// With the local date and time before the relative words.
    #[prop(optional)]
    full: bool,
) -> impl IntoView {
    let now = Clock::here();
    // A memo: the text changes once a minute, the clock each second.
    let words = memo(move || time::ago(at, now.get()));
    let local = full.then(|| view! { <span>{local(at)}</span> " · " });
    view! { <time datetime=exact(at) title=exact(at)>{local}<span>{varying(move || words.get())}</span></time> }
}

/// A point in the future, such as "42 min left".
#[component]
pub fn Until(
    /// When.
    at: DateTime<Utc>,
) -> impl IntoView {
    let now = Clock::here();
    let words = memo(move || time::left(at, now.get()));
    view! { <time datetime=exact(at) title=exact(at)>{varying(move || words.get())}</time> }
}

/// The browser's clock, put right by the server's: what relative words are about.
#[allow(clippy::disallowed_methods, reason = "the one place that asks; everything else takes the time from `Clock`")]
fn now() -> DateTime<Utc> {
    Utc::now() + server_time::ahead()
}

/// A point in time in UTC, for titles and programs.
pub(crate) fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn in_browser(at: DateTime<Utc>) -> js_sys::Date {
    js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.timestamp_millis() as f64))
}

fn of_browser(date: &js_sys::Date) -> Option<DateTime<Utc>> {
    // Not a number for a date that does not exist; a cast would make it 1970.
    let milliseconds = Some(date.get_time()).filter(|milliseconds| milliseconds.is_finite())?;
    DateTime::from_timestamp_millis(milliseconds as i64)
}

/// The local date and time, as the person's language writes them.
pub(crate) fn local(at: DateTime<Utc>) -> String {
    in_browser(at).to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED).into()
}

/// When the local day of `at` began.
pub(crate) fn midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    let date = in_browser(at);
    date.set_hours(0);
    date.set_minutes(0);
    date.set_seconds(0);
    date.set_milliseconds(0);
    of_browser(&date).unwrap_or(at)
}

/// The local time as a field of the kind `datetime-local` has it, to the minute.
pub(crate) fn to_field(at: DateTime<Utc>) -> String {
    let date = in_browser(at);
    let (year, month, day) = (date.get_full_year(), date.get_month() + 1, date.get_date());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", date.get_hours(), date.get_minutes())
}

/// The time in a field of the kind `datetime-local`, if there is one.
pub(crate) fn from_field(text: &str) -> Option<DateTime<Utc>> {
    of_browser(&js_sys::Date::new(&wasm_bindgen::JsValue::from_str(text)))
}

/// The local time of day, as the person's language writes it; with the date when that is another day.
pub(crate) fn local_time(at: DateTime<Utc>) -> String {
    let date = |at: DateTime<Utc>| js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.timestamp_millis() as f64));
    let (then, today) = (date(at), date(now()));
    if then.to_date_string() == today.to_date_string() {
        then.to_locale_time_string("default").into()
    } else {
        local(at)
    }
}
