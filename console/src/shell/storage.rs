//! The little that stays in this browser: settings, and decisions that were not sent. A browser that keeps nothing
//! forgets them, no more.

use leptos::prelude::window;
use web_sys::Storage;

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What is kept under this name.
pub(crate) fn get(name: &str) -> Option<String> {
    storage()?.get_item(&format!("permesso.{name}")).ok().flatten()
}

/// Keeps something under a name, or removes it, which is `None`.
pub(crate) fn set(name: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let name = format!("permesso.{name}");
    // Full or closed: it lasts as long as the page.
    let _ = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}

/// Every name that begins so.
pub(crate) fn names(beginning: &str) -> Vec<String> {
    let Some(storage) = storage() else { return Vec::new() };
    let kept = (0..storage.length().unwrap_or_default()).filter_map(|n| storage.key(n).ok().flatten());
    let ours = kept.filter_map(|name| name.strip_prefix("permesso.").map(str::to_owned));
    ours.filter(|name| name.starts_with(beginning)).collect()
}
