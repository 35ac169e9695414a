//! The quick filters, the filters in use as chips that can be taken away, and the way to all of them.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{
    filters::{Filters, Name},
    local,
    more::pickers,
    quick::{Quick, chips, without},
    room::focus,
    search::Search,
    words::{action, statuses},
};
use crate::{
    components::{Button, Clock, For, Icon, Kind, Sentence, Shape, Show, midnight},
    reactive::{Memo, RwSignal, memo, varying},
    show::words::Words,
};

/// The name of the button that opens all filters: it takes the focus of a chip that goes away.
const ALL: &str = "all-filters";

/// Chips, and all filters under them where they are open.
#[component]
pub(super) fn Chips() -> impl IntoView {
    let search = Search::here();
    let now = Clock::here();
    let midnight = memo(move || midnight(now.get()));
    let open = RwSignal::new(false);
    let some = move || search.filters.with(|filters| filters.len() > 1);
    let clear = Callback::new(move |()| {
        focus(ALL);
        search.ask(&Filters::default(), false);
    });
    view! {
        <div class="chips">
            <span class="of" role="group" aria-label="Quick filters">
                {Quick::ALL.map(|quick| view! { <Turn quick midnight /> })}
            </span>
            <InUse midnight now />
            <button
                type="button"
                class="chip"
                id=ALL
                aria-expanded=varying(move || open.get().to_string())
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon shape=Shape::Plus />
                "Filter"
            </button>
            <Show when=some>
                <Button kind=Kind::Quiet on_press=clear>"Clear all"</Button>
            </Show>
        </div>
        <Show when=move || open.get()>
            {pickers()}
        </Show>
    }
}

/// A quick filter.
#[component]
fn Turn(quick: Quick, midnight: Memo<DateTime<Utc>>) -> impl IntoView {
    let search = Search::here();
    let is = memo(move || search.filters.with(|filters| quick.is_on(filters, midnight.get())));
    let press = move |_| {
        let filters = search.filters.with_untracked(|filters| quick.press(filters, midnight.get_untracked()));
        search.ask(&filters, false);
    };
    view! {
        <button type="button" class="chip" aria-pressed=varying(move || is.get().to_string()) on:click=press>
            {quick.label()}
            {varying(move || is.get().then(|| view! { <Icon shape=Shape::Cross /> }))}
        </button>
    }
}

/// The filters that no quick filter says.
#[component]
fn InUse(midnight: Memo<DateTime<Utc>>, now: RwSignal<DateTime<Utc>>) -> impl IntoView {
    let search = Search::here();
    let each = move || search.filters.with(|filters| chips(filters, midnight.get()));
    let some = memo(move || !each().is_empty());
    view! {
        <Show when=move || some.get()>
            <ul class="of" role="list" aria-label="Active filters">
                <For each key=|(name, value)| (name.word(), value.clone()) let:chip>
                    {
                        let (name, value) = chip;
                        let words = varying(move || view! {
                            <Sentence words=words(name, &value, search, now) />
                        });
                        let remove = move |_| {
                            focus(ALL);
                            search.ask(&search.filters.with_untracked(|filters| without(filters, name)), false);
                        };
                        view! {
                            <li>
                                <button type="button" class="chip on" on:click=remove>
                                    <span class="sr">"Remove filter "</span>
                                    <span class="one">{words}</span>
                                    <Icon shape=Shape::Cross />
                                </button>
                            </li>
                        }
                    }
                </For>
            </ul>
        </Show>
    }
}

/// What a chip says: "Tool: send_invoice"; a range of time says it by itself.
fn words(name: Name, value: &str, search: Search, now: RwSignal<DateTime<Utc>>) -> Words {
    let value = match name {
        Name::From | Name::To => {
            let range = search.filters.with(Filters::range);
            return Words::theirs(local::range(range, now.get_untracked()).unwrap_or_default());
        }
        Name::Status => statuses(value),
        Name::Action => action(value),
        Name::Approval => value.get(value.len().saturating_sub(6)..).unwrap_or_default().to_owned(),
        _ => value.to_owned(),
    };
    Words::of("{}: {}", &[name.label(), &value])
}
