//! Text of somebody else's: its hidden characters as marks, its end folded when it is long.

use std::ops::Range;

use leptos::prelude::*;

use crate::reactive::RwSignal;

use super::Printing;
use crate::show::{
    folding::{Hidden, Limit, cut, number},
    marks::{Form, Mark, Piece, pieces},
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
    /// Bytes of the text that are to stand out.
    #[prop(default = 0..0)]
    bold: Range<usize>,
    /// Whether long texts are shown whole without a press.
    #[prop(optional)]
    unfolded: Option<Signal<bool>>,
    /// Is told once nothing of the text is folded.
    #[prop(optional_no_strip)]
    on_whole: Option<Callback<()>>,
) -> impl IntoView {
    let text = StoredValue::new(text);
    let shown = RwSignal::new(limit);
    let printing = Printing::here();
    move || {
        let all = unfolded.is_some_and(|all| all.get());
        let paper = printing.get();
        text.with_value(|text| {
            let pieces = pieces(text, form);
            let now = if paper || all { shown.get().and(Limit::STEP) } else { shown.get() };
            let (part, hidden) = cut(&pieces, now);
            if hidden == Hidden::default()
                && let Some(on_whole) = on_whole
            {
                on_whole.run(());
            }
            let mut at = 0;
            let views: Vec<_> = part.into_iter().map(|piece| view_of(piece, &mut at, &bold)).collect();
            let more = match () {
                () if paper => left_out(hidden),
                () if all && hidden == Hidden::default() => None,
                () => more(hidden, limit, shown, text),
            };
            view! {
                {views}
                {more}
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
fn more(hidden: Hidden, limit: Limit, shown: RwSignal<Limit>, text: &str) -> Option<AnyView> {
    let whole = hidden == Hidden::default();
    if whole && shown.get_untracked() == limit {
        return None;
    }
    let words = if whole { "Show less".to_owned() } else { all_of(hidden, text) };
    let press = move |_| shown.update(|shown| *shown = if whole { limit } else { shown.and(Limit::STEP) });
    let button = view! {
        <button type="button" class=fold_class(hidden.marks) aria-expanded=whole.to_string() on:click=press>
            {words}
        </button>
    }
    .into_any();
    Some(button)
}

/// `Show 31 more lines`, `Show all 60,000 characters`.
fn all_of(hidden: Hidden, text: &str) -> String {
    let at_once = hidden.characters <= Limit::STEP.characters && hidden.marks == 0;
    if hidden.lines <= 1 && at_once {
        format!("Show all {} characters", number(text.chars().count()))
    } else {
        format!("Show {}", hidden.words())
    }
}

/// The class of a button that unfolds: it warns when marked characters are in what it hides.
pub(super) fn fold_class(marks: usize) -> &'static str {
    if marks > 0 { "more bad" } else { "more" }
}

/// `at` is where the piece begins, and then where it ends.
fn view_of(piece: Piece<'_>, at: &mut usize, bold: &Range<usize>) -> AnyView {
    let start = *at;
    match piece {
        Piece::Plain(text) => {
            *at += text.len();
            let within = |place: usize| place.clamp(start, *at) - start;
            let (from, to) = (within(bold.start), within(bold.end));
            if from >= to {
                return view! { <span>{text.to_owned()}</span> }.into_any();
            }
            let [before, inside, after] = [&text[..from], &text[from..to], &text[to..]].map(str::to_owned);
            view! { <span>{before}</span><b>{inside}</b><span>{after}</span> }.into_any()
        }
        Piece::Mark(mark) => {
            *at += mark.text.len();
            marked(mark)
        }
    }
}

fn marked(mark: Mark<'_>) -> AnyView {
    view! {
        <span class="hid" title=mark.name.clone()>
            {mark.visible.then(|| view! { <span aria-hidden="true">{mark.text.to_owned()}</span> })}
            <span aria-hidden="true">{mark.label}</span>
            <span class="sr">{format!(" ({}) ", mark.name)}</span>
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_says_how_much_it_shows() {
        let hidden = |lines, characters, marks| Hidden { lines, characters, marks };
        assert_eq!(all_of(hidden(31, 900, 0), "x"), "Show 31 more lines");
        assert_eq!(all_of(hidden(0, 58_500, 0), &"x".repeat(60_000)), "Show all 60,000 characters");
        assert_eq!(all_of(hidden(0, 10, 2), "x"), "Show 10 more characters, 2 marked characters in them");
        assert!(all_of(hidden(0, 500_000, 0), "x").starts_with("Show 500,000 more"));
    }
}
