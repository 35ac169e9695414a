//! Permesso's console: a client-side application over `/api/v1` and its event stream (console.md).
//!
//! `show` is how things are put into words and lines, without a browser; `api` is the only way to the
//! server; `components` is the set that every page is built of; `shell` is what stands around a page;
//! `decide` carries decisions to the server, whatever page is shown; `pages` are the rooms; `app` says
//! which room is where. Imports look down only: app, pages, decide, shell, components, api, show.

#![allow(unreachable_pub, reason = "components write `pub` items of their own that nobody else sees")]

pub mod api;
mod app;
pub mod components;
mod decide;
mod pages;
pub mod shell;
pub mod show;

use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the console: called once, by the page.
#[wasm_bindgen(start)]
pub fn start() {
    let document = leptos::prelude::document();
    if let Some(starting) = document.get_element_by_id("starting") {
        starting.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
