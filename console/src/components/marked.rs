//! Text of somebody else's: its hidden characters as marks, its end folded when it is long.

use leptos::prelude::*;

use super::Printing;
use crate::show::{
    folding::{Hidden, Limit, cut},
    marks::{Form, Piece, pieces},
};

/// A text with marks. Long ones fold; a button shows more, and says how much there is.
#[component]
pub fn Marked(
    /// The text, as it came.
    #[prop(into)]
    text: String,
    /// One line, as keys are, or a block.
    form: Form,
    /// How much is shown at first.
    limit: Limit,
) -> impl IntoView {
    let text = StoredValue::new(text);
    let shown = RwSignal::new(limit);
    let printing = Printing::here();
    move || {
        text.with_value(|text| {
            let all = pieces(text, form);
            let paper = printing.get();
            let (part, hidden) = cut(&all, if paper { shown.get().and(Limit::STEP) } else { shown.get() });
            let pieces: Vec<_> = part.into_iter().map(piece).collect();
            view! {
                {pieces}
                {if paper { left_out(hidden) } else { more(hidden, limit, shown) }}
            }
            .into_any()
        })
    }
}

/// What paper does not have room for.
fn left_out(hidden: Hidden) -> Option<AnyView> {
    let words = format!(" ({}, not printed)", hidden.words());
    (hidden != Hidden::default()).then(|| view! { <i>{words}</i> }.into_any())
}

/// The button stays where it is while it is pressed, so that the focus does too.
fn more(hidden: Hidden, limit: Limit, shown: RwSignal<Limit>) -> Option<AnyView> {
    if hidden == Hidden::default() && shown.get() == limit {
        return None;
    }
    let all = hidden == Hidden::default();
    let words = if all { "show less".to_owned() } else { format!("show {}", hidden.words()) };
    let press = move |_| shown.update(|shown| *shown = if all { limit } else { shown.and(Limit::STEP) });
    let button = view! {
        <button type="button" class=fold_class(hidden.marks) aria-expanded=all.to_string() on:click=press>
            {words}
        </button>
    }
    .into_any();
    Some(button)
}

/// The class of a button that unfolds: it warns when marked characters are in what it hides.
pub(super) fn fold_class(marks: usize) -> &'static str {
    if marks > 0 { "fold fold-marks" } else { "fold" }
}

fn piece(piece: Piece<'_>) -> AnyView {
    match piece {
        Piece::Plain(text) => view! { <span>{text.to_owned()}</span> }.into_any(),
        Piece::Mark(mark) => view! {
            <span class=if mark.visible { "mark mark-like" } else { "mark" } title=mark.name.clone()>
                {mark.visible.then(|| view! { <span class="mark-text" aria-hidden="true">{mark.text.to_owned()}</span> })}
                <span aria-hidden="true">{mark.label}</span>
                <span class="visually-hidden">{format!(" ({}) ", mark.name)}</span>
            </span>
        }
        .into_any(),
    }
}
