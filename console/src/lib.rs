//! Permesso's console: a client-side application over `/api/v1` and its event stream (docs/architecture.md, "The console").
//!
//! `show` is how things are put into words and lines, without a browser; `api` is the only way to the
//! server; `components` is the set that every page is built of; `shell` is what stands around a page;
//! `decide` carries decisions to the server, whatever page is shown; `pages` are the rooms; `app` says
//! which room is where; `reactive` is how anything follows anything. Imports look down only: app, pages, decide, shell,
//! components, api, show, reactive.

#![allow(unreachable_pub, reason = "components write `pub` items of their own that nobody else sees")]

pub mod api;
mod app;
pub mod components;
mod decide;
#[cfg(test)]
mod foreign_tests;
mod pages;
pub mod reactive;
pub mod shell;
pub mod show;

use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the console: called once, by the page.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(stopped));
    let document = leptos::prelude::document();
    if let Some(starting) = document.get_element_by_id("starting") {
        starting.remove();
    }
    leptos::mount::mount_to_body(app::App);
}

/// A fault of ours has stopped the console: says so, since the page would look alive and do nothing.
fn stopped(panic: &std::panic::PanicHookInfo<'_>) {
    leptos::logging::error!("{panic}");
    let document = leptos::prelude::document();
    if let (Some(body), Ok(notice)) = (document.body(), document.create_element("p")) {
        notice.set_class_name("stopped");
        // Nothing more can be done where even this fails.
        let _ = notice.set_attribute("role", "alert");
        notice.set_text_content(Some(
            "The console stopped because of an internal error. Reload the page; decisions that were already sent are safe.",
        ));
        let _ = body.append_child(&notice);
    }
}
