//! Permesso's console: a client-side application over `/api/v1` and its event stream (console.md).
//!
//! `show` is how things are put into words and lines, without a browser; `components` is the set that
//! every page is built of; `api` is the only way to the server; `shell` is what stands around a page;
//! `pages` are the rooms. Imports look down only: pages, shell, components, {api, show}.

pub mod components;
pub mod show;
