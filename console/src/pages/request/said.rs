//! Words that somebody else wrote, inside a sentence or below one: never more than text, with what cannot
//! be seen made visible, and unable to change the direction of what stands beside them.

use leptos::prelude::*;

use crate::{
    components::Marked,
    show::{folding::Limit, marks::Form},
};

/// A name, or a line.
#[component]
pub fn Said(
    /// The words, as they came.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    // What stands in a line or a link must not fold: names and summaries have bounds of their own.
    view! { <bdi><Marked text form=Form::Line limit=Limit::STEP /></bdi> }
}

/// Several lines, which fold when they are many.
#[component]
pub fn SaidBlock(
    /// The words, as they came.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <div class="said" dir="auto"><Marked text form=Form::Block limit=Limit::VALUE /></div> }
}
