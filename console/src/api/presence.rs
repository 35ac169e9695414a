//! Whether somebody is at the console. What an open page asks by itself must not keep its session alive
//! (`api_types::UNATTENDED`).

use std::cell::Cell;

use leptos::prelude::*;

/// How long somebody counts as present after they last touched the page, in milliseconds.
const PRESENT_MS: f64 = 60_000.0;

thread_local! {
    /// When the page was last touched. Opening it is a touch.
    static TOUCHED: Cell<f64> = Cell::new(js_sys::Date::now());
}

/// Notices every touch from now on, for as long as the page is open.
pub(super) fn notice() {
    let touched = || TOUCHED.set(js_sys::Date::now());
    let heard = [
        window_event_listener(leptos::ev::pointerdown, move |_| touched()),
        window_event_listener(leptos::ev::pointermove, move |_| touched()),
        window_event_listener(leptos::ev::keydown, move |_| touched()),
        window_event_listener(leptos::ev::wheel, move |_| touched()),
    ];
    on_cleanup(move || heard.into_iter().for_each(WindowListenerHandle::remove));
}

/// Whether somebody has touched the page within the last minute.
pub(super) fn is_attended() -> bool {
    js_sys::Date::now() - TOUCHED.get() < PRESENT_MS
}
