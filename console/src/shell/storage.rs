//! The few settings that stay in this browser. A browser that keeps nothing forgets them, no more.

use leptos::prelude::window;
use web_sys::Storage;

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// The setting, if it was made.
pub(super) fn get(name: &str) -> Option<String> {
    storage()?.get_item(&format!("permesso.{name}")).ok().flatten()
}

/// Makes the setting; `None` removes it.
pub(super) fn set(name: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let name = format!("permesso.{name}");
    // Full or closed: the setting lasts as long as the page.
    let _ = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}
