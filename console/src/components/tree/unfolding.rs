//! What of a tree is open, and the buttons that open or fold all of it.

use std::sync::Arc;

use leptos::prelude::*;

use crate::{
    components::Show,
    reactive::{Memo, RwSignal, effect_again, memo, varying},
    show::{
        compare::compare,
        json::parse,
        outline::{Folds, Outline},
    },
};

/// What of a tree is open: shared by the tree and by the buttons above it.
#[derive(Clone, Copy)]
pub struct Unfolding {
    /// The JSON text, exactly as it came.
    pub json: Signal<String>,
    /// Its values, compared with the earlier ones.
    pub outline: Memo<Arc<Outline>>,
    pub(super) folds: RwSignal<Folds>,
    pub(super) all: Signal<bool>,
    pub(super) as_json: RwSignal<bool>,
}

impl Unfolding {
    /// Begins with what is open at first, and again whenever it is about another value.
    pub fn of(json: Signal<String>, before: Signal<Option<String>>) -> Self {
        let outline =
            memo(move || Arc::new(Outline::of(compare(parse(&json.get()), before.get().map(|before| parse(&before))))));
        let folds = RwSignal::new(outline.with_untracked(|outline| outline.first()));
        effect_again(move |again| {
            let first = outline.with(|outline| outline.first());
            if again {
                folds.set(first);
            }
        });
        let all = memo(move || folds.with(|folds| folds.all)).into();
        Self { json, outline, folds, all, as_json: RwSignal::new(false) }
    }

    /// Whether something was folded at first and was never opened.
    pub fn unopened(self) -> Memo<bool> {
        memo(move || self.outline.with(|outline| self.folds.with(|folds| outline.is_unopened(folds))))
    }

    /// A text of a row is shown whole.
    pub(super) fn saw(self, id: usize, text: u8) {
        self.folds.try_update(|folds| folds.saw(id, text));
    }
}

/// Opens or folds everything in a tree, and shows it as JSON.
#[component]
pub fn TreeTools(
    /// The tree.
    unfolding: Unfolding,
) -> impl IntoView {
    let Unfolding { outline, folds, as_json, .. } = unfolding;
    let is_folded = memo(move || outline.with(|outline| folds.with(|folds| outline.is_folded(folds))));
    let may_fold = memo(move || !as_json.get() && (is_folded.get() || folds.with(|folds| folds.all)));
    let press = move |_| {
        let outline = outline.get_untracked();
        let expand = is_folded.get_untracked();
        folds.update(|folds| if expand { outline.expand(folds) } else { outline.collapse(folds) });
    };
    view! {
        <span class="tabs end tools">
            <Show when=move || may_fold.get()>
                <button type="button" on:click=press>
                    {varying(move || if is_folded.get() { "Expand all" } else { "Collapse all" })}
                </button>
            </Show>
            <button type="button" aria-pressed=varying(move || as_json.get().to_string()) on:click=move |_| as_json.update(|on| *on = !*on)>
                "JSON"
            </button>
        </span>
    }
}
