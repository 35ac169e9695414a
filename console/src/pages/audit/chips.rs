//! What is asked for, as chips that can be taken away, and what people often ask for.

use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;

use super::{
    filters::{Filters, Name, point},
    search::Search,
    words::ending,
};
use crate::{
    components::{Button, Clock, Icon, Kind, Sentence, Shape, Show, local, midnight},
    reactive::{memo, varying},
    show::words::Words,
};

/// The chips; nothing where nothing is asked for.
#[component]
pub(super) fn Chips() -> impl IntoView {
    let search = Search::here();
    let asked = move || {
        let filters = search.filters.get();
        filters.iter().map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>()
    };
    let clear = Callback::new(move |()| search.ask(&Filters::default(), false));
    view! {
        <Show when=move || search.filters.with(|filters| !filters.is_empty())>
            <ul class="chips" aria-label="Filters in use">
                <For each=asked key=|(name, value)| (name.word(), value.clone()) let:chip>
                    {
                        let (name, value) = chip;
                        let words = Words::of("{}: {}", &[name.label(), &value_words(name, &value)]);
                        let remove = move |_| search.set(name, "", false);
                        view! {
                            <li>
                                <button type="button" class="chip" on:click=remove>
                                    <span class="visually-hidden">"Remove the filter "</span>
                                    <span><Sentence words /></span>
                                    <Icon shape=Shape::Cross />
                                </button>
                            </li>
                        }
                    }
                </For>
                <li><Button kind=Kind::Quiet on_press=clear>"Clear all"</Button></li>
            </ul>
        </Show>
    }
}

fn value_words(name: Name, value: &str) -> String {
    match name {
        Name::From | Name::To => value.parse::<DateTime<Utc>>().map(local).unwrap_or_default(),
        Name::Status => ending(value).map_or(value, |ending| ending.label).to_owned(),
        _ => value.to_owned(),
    }
}

/// What people often ask for, one press each.
#[component]
pub(super) fn Presets() -> impl IntoView {
    let search = Search::here();
    let now = Clock::here();
    let since = move |at: DateTime<Utc>| {
        let filters = search.filters.get_untracked().with(Name::From, &point(at)).with(Name::To, "");
        search.ask(&filters, false);
    };
    let hour = Callback::new(move |()| since(now.get_untracked() - TimeDelta::hours(1)));
    let today = Callback::new(move |()| since(midnight(now.get_untracked())));
    let week = Callback::new(move |()| since(now.get_untracked() - TimeDelta::days(7)));
    view! {
        <div class="presets" role="group" aria-label="Often asked for">
            <Button kind=Kind::Quiet on_press=hour>"Last hour"</Button>
            <Button kind=Kind::Quiet on_press=today>"Today"</Button>
            <Button kind=Kind::Quiet on_press=week>"7 days"</Button>
            {[("refused", "Refused"), ("failed", "Failed"), ("unknown", "May have run")]
                .map(|(status, words)| view! { <ByStatus status words /> })}
        </div>
    }
}

/// Asks for one way to end; pressed again, for any.
#[component]
fn ByStatus(status: &'static str, words: &'static str) -> impl IntoView {
    let search = Search::here();
    let is = memo(move || search.filters.with(|filters| filters.get(Name::Status) == status));
    let turn = move |_| search.set(Name::Status, if is.get_untracked() { "" } else { status }, false);
    view! {
        <button type="button" class="btn quiet" aria-pressed=varying(move || is.get().to_string()) on:click=turn>{words}</button>
    }
}
