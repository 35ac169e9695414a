//! A question that waits for an answer.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{Presses, Sentence};
use crate::{
    reactive::{RwSignal, effect, memo, varying},
    show::words::Words,
};

/// A modal dialog: the browser's own, which keeps the focus inside, closes on Escape and gives the
/// focus back.
#[component]
pub fn Dialog(
    /// Whether it is open. Closing it by Escape sets this.
    open: RwSignal<bool>,
    /// What it asks.
    #[prop(into)]
    title: Signal<Words>,
    /// Escape does not close it: it must be answered.
    #[prop(optional)]
    insistent: bool,
    /// What stands in it; made anew each time it opens.
    children: ChildrenFn,
) -> impl IntoView {
    let presses = Presses::here();
    let dialog = NodeRef::<html::Dialog>::new();
    effect(move || {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            // It refuses only when it is not in the page, and it is.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
            presses.anew();
            refocus();
        }
    });
    // Who opens it once more while it is open must not take away what is written in it.
    let is_open = memo(move || open.get());
    let title_id = super::id::unique("dialog");
    let named_by = title_id.clone();
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby=named_by
            on:cancel=move |event: web_sys::Event| {
                if insistent {
                    event.prevent_default();
                }
            }
            on:close=move |_| {
                if !insistent {
                    open.set(false);
                    presses.anew();
                }
            }
        >
            <h2 id=title_id>{varying(move || view! { <Sentence words=title.get() /> })}</h2>
            {varying(move || is_open.get().then(|| children()))}
        </dialog>
    }
}

/// Focuses once more what the browser gave the focus back to: Chromium restores the ring without the
/// caret, so that what is typed next would go nowhere.
fn refocus() {
    if let Some(active) = document().active_element().and_then(|active| active.dyn_into::<HtmlElement>().ok()) {
        // Both fail for elements that cannot be focused, which then do not have it.
        let _ = active.blur();
        let _ = active.focus();
    }
}
