//! The bar under a request: on the left what one can do about the request, on the right what was decided. The bar stands
//! beside the request and not in it, so that it stays the same element whichever request is shown.

use leptos::{html, mount::mount_to, prelude::*};
use wasm_bindgen::JsCast;

use crate::{
    components::{Loud, NewsLine, news::News},
    reactive::effect,
};

/// The bar: once on a page that shows requests, after them, for as long as it shows one.
#[component]
pub fn Bar() -> impl IntoView {
    let left = NodeRef::<html::Div>::new();
    News::here().stand_beside(left);
    view! {
        <div class="decide" role="group" aria-label="Decision">
            <Loud />
            <div class="acts" node_ref=left></div>
            <NewsLine />
        </div>
    }
}

/// What a request puts on the left of the bar that stands on its page. It goes together with what calls this.
#[component]
pub fn InBar(
    /// What one can do, or why one cannot.
    children: ChildrenFn,
) -> impl IntoView {
    let news = News::here();
    effect(move || {
        if let Some(left) = news.beside() {
            let children = children.clone();
            let shown = mount_to(left.unchecked_into(), move || untrack(|| children()));
            // Taken down with the effect, before anything of the request is gone that it shows.
            StoredValue::new_local(shown);
        }
    });
}
