//! What stands above the list: its name, the tabs, the search, and how many new requests are held back.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    bulk::bulk,
    panel::panel,
    picked::Picked,
    picking::focus_list,
    place::Tab,
    room::{Room, is_wide},
};
use crate::{
    components::{Icon, NotLoaded, Shape, Show, Tab as OneTab, Tabs, late},
    reactive::{RwSignal, derived, memo, varying},
    shell::{Shortcuts, Waiting},
};

/// The name of the filters' button in the page.
const FILTER_BUTTON: &str = "filter";

/// The header of the list.
#[component]
pub(super) fn Header() -> impl IntoView {
    let room = Room::here();
    let count = Waiting::here().count;
    let waiting = derived(move || match count.get() {
        0 => "Waiting".to_owned(),
        count => format!("Waiting {count}"),
    });
    let tabs = vec![
        OneTab { name: Tab::Waiting.name(), words: waiting },
        OneTab { name: Tab::Decided.name(), words: Signal::stored("Decided".to_owned()) },
    ];
    let chosen = derived(move || room.place.with(|place| place.tab.name().to_owned()));
    let choose = Callback::new(move |name: &'static str| {
        let tab = if name == Tab::Decided.name() { Tab::Decided } else { Tab::Waiting };
        room.go(
            |place| {
                place.tab = tab;
                place.selected = None;
            },
            false,
        );
        room.picked.set(Picked::default());
    });
    view! {
        <header>
            <div class="line">
                <h1>"Inbox"</h1>
                <Tabs label="Which requests" tabs chosen on_choose=choose />
            </div>
            <Tools />
            <Arrivals />
        </header>
    }
}

/// Search and filter; in their place the bar for several requests, while they are picked.
#[component]
fn Tools() -> impl IntoView {
    let room = Room::here();
    let open = RwSignal::new(false);
    let filters = memo(move || room.place.with(|place| place.filter.count()));
    let words = varying(move || match filters.get() {
        0 => "Filter and sort".to_owned(),
        count => format!("Filter and sort, {count} set"),
    });
    let close = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            open.set(false);
            focus_filter_button();
        }
    };
    view! {
        <div class="line tools">
            <Search />
            <button
                type="button"
                id=FILTER_BUTTON
                class=varying(move || if filters.get() == 0 { "btn icon" } else { "btn icon on" })
                aria-label=words
                title="Filter and sort"
                aria-expanded=varying(move || open.get().to_string())
                aria-controls="filters"
                on:click=move |_| open.update(|open| *open = !*open)
                on:keydown=close
            >
                <Icon shape=Shape::Filter />
            </button>
            <button
                type="button"
                class="btn icon"
                hidden=varying(move || room.place.with(|place| place.tab == Tab::Decided))
                aria-label="Select several"
                title="Select several"
                on:click=move |_| room.picked.update(|picked| picked.on = true)
            >
                <Icon shape=Shape::Check />
            </button>
        </div>
        <Show when=move || room.picking.get()>{late(bulk(), || ().into_any(), not_loaded)}</Show>
        <Show when=move || open.get() || filters.get() != 0>
            <div class="set" on:keydown=close>{late(panel(open), || ().into_any(), not_loaded)}</div>
        </Show>
    }
}

fn not_loaded() -> AnyView {
    view! { <NotLoaded /> }.into_any()
}

/// The focus goes to the button that opens the filters: what had it is gone.
pub(super) fn focus_filter_button() {
    let button = document().get_element_by_id(FILTER_BUTTON).and_then(|button| button.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        let _ = button.focus();
    }
}

#[component]
fn Search() -> impl IntoView {
    let room = Room::here();
    let input = NodeRef::<html::Input>::new();
    let enter = move || {
        if let Some(input) = input.get_untracked() {
            let _ = input.focus();
            input.select();
        }
    };
    Shortcuts::here().register("/", "Search the list", move || {
        // Where the request covers the list, what is typed next would be keys for the request.
        if is_wide() || room.place.with_untracked(|place| place.selected.is_none()) {
            enter();
        } else {
            room.look_at(None, false);
            request_animation_frame(enter);
        }
    });
    let leave = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            room.go(|place| place.search.clear(), true);
            if let Some(input) = input.get_untracked() {
                let _ = input.blur();
            }
        }
    };
    view! {
        <div class="find grow" role="search">
            <Icon shape=Shape::Search />
            <input
                node_ref=input
                class="in"
                type="search"
                aria-label="Search requests"
                placeholder="Tool, caller, value"
                autocomplete="off"
                prop:value=varying(move || room.place.with(|place| place.search.clone()))
                on:input:target=move |event| room.go(|place| place.search = event.target().value(), true)
                on:keydown=leave
            />
            <kbd aria-hidden="true">"/"</kbd>
        </div>
    }
}

/// New requests that the list does not let in just now, and the announcement of all new ones.
#[component]
fn Arrivals() -> impl IntoView {
    let room = Room::here();
    let withheld = memo(move || room.board.with(|board| board.withheld));
    let known = StoredValue::new(0);
    let said = memo(move || {
        // What a list is read with is no news.
        let complete = room.reading.listed.with(|listed| listed.complete);
        let count = room.board.with(|board| board.entries.iter().filter(|entry| !entry.gone).count() + board.withheld);
        let count = if complete { count } else { 0 };
        let before = known.get_value();
        known.set_value(count);
        if count > before && before > 0 { announced(count - before, count % 2 == 0) } else { String::new() }
    });
    let let_in = move |_| {
        room.let_in();
        // The button is gone then; the focus must not be.
        focus_list();
    };
    view! {
        <p class="sr" role="status">{varying(move || said.get())}</p>
        <Show when=move || withheld.get() != 0>
            <div class="arrivals">
                <button type="button" class="chip on" on:click=let_in>{varying(move || withheld.get())}" new"</button>
            </div>
        </Show>
    }
}

/// Twice the same words would be announced once: every other time they end in a space that nobody sees.
fn announced(count: usize, even: bool) -> String {
    let words = if count == 1 { "1 new request".to_owned() } else { format!("{count} new requests") };
    if even { words + "\u{a0}" } else { words }
}
