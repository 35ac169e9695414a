//! Words that somebody else wrote, inside a sentence or below one: never more than text, with what cannot
//! be seen made visible, and unable to change the direction of what stands beside them.

use leptos::prelude::*;

use super::Marked;
use crate::show::{
    folding::Limit,
    marks::Form,
    words::{Part, Words},
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

/// A sentence of ours with words of others in it.
#[component]
pub fn Sentence(
    /// The sentence.
    #[prop(into)]
    words: Words,
) -> impl IntoView {
    let part = |part| match part {
        Part::Ours(text) => text.into_any(),
        Part::Theirs(text) => view! { <Said text /> }.into_any(),
    };
    words.0.into_iter().map(part).collect_view()
}
