//! Points in time: local and relative in words, UTC and exact on hover.

use chrono::{DateTime, SecondsFormat, Utc};
use gloo_timers::callback::Interval;
use leptos::prelude::*;

use crate::show::time;

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
    let words = Memo::new(move |_| time::ago(at, now.get()));
    let local = full.then(|| format!("{} · ", local(at)));
    view! { <time datetime=exact(at) title=exact(at)>{local}{words}</time> }
}

/// A point in the future, such as "42 min left".
#[component]
pub fn Until(
    /// When.
    at: DateTime<Utc>,
) -> impl IntoView {
    let now = Clock::here();
    let words = Memo::new(move |_| time::left(at, now.get()));
    view! { <time datetime=exact(at) title=exact(at)>{words}</time> }
}

/// The browser's clock: what relative words are about.
#[allow(clippy::disallowed_methods, reason = "the one place that asks; everything else takes the time from `Clock`")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The local date and time, as the person's language writes them.
pub(crate) fn local(at: DateTime<Utc>) -> String {
    let milliseconds = wasm_bindgen::JsValue::from_f64(at.timestamp_millis() as f64);
    js_sys::Date::new(&milliseconds).to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED).into()
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
