//! Where the focus goes when what had it goes away with a list that is read again.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::reactive::effect;

/// Whenever the list has changed and nothing on the page has the focus any more, the focus goes to the first button of the
/// element with the id `next`, or else to the list's heading. `is_read` says whether the list is there, and follows the list.
pub(super) fn hand_on(is_read: Signal<bool>, next: Signal<Option<String>>, heading: NodeRef<html::H2>) {
    let was_read = StoredValue::new(false);
    effect(move || {
        let is_read = is_read.get();
        if was_read.get_value() && is_read {
            // The rows are made anew by then.
            request_animation_frame(move || {
                if is_lost() {
                    focus(next.try_get_untracked().flatten(), heading);
                }
            });
        }
        was_read.set_value(is_read);
    });
}

/// Nothing has the focus.
fn is_lost() -> bool {
    document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

fn focus(next: Option<String>, heading: NodeRef<html::H2>) {
    let button = next.and_then(|id| document().query_selector(&format!("#{id} button")).ok()?);
    let button = button.and_then(|button| button.dyn_into::<HtmlElement>().ok());
    // What cannot take the focus leaves it where it is; the page may be left by now.
    let _ = match (button, heading.try_get_untracked().flatten()) {
        (Some(button), _) => button.focus(),
        (None, Some(heading)) => heading.focus(),
        (None, None) => Ok(()),
    };
}
