//! The mark: a door ajar on its threshold.

use leptos::prelude::*;

/// The mark, in the colours of the theme. It says nothing to screen readers: the words beside it do. `icon.svg` and
/// `index.html` have the same drawing.
#[component]
pub fn Mark(
    /// For an empty page, not for a line of text.
    #[prop(optional)]
    large: bool,
) -> impl IntoView {
    view! {
        <svg class=if large { "mark xl" } else { "mark" } aria-hidden="true" width="20" height="20" viewBox="0 0 20 20">
            <path class="frame" d="M5.5 16.5V3.25h9V16.5M2 16.5h16" />
            <path class="leaf" d="M5.5 2.4 11.5 4.9v14.2L5.5 16.5z" />
        </svg>
    }
}
