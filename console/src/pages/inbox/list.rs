//! The list: tabs, search, and the requests under their headings. It never moves under the pointer.

use std::collections::HashSet;

use leptos::{html, prelude::*};
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    board::Entry,
    empty::{NothingDecided, nothing_waits},
    is_wide,
    order::Group,
    place::Tab,
    room::Room,
    row::Row,
};
use crate::{
    components::{Button, Failed, Icon, Kind, Late, Shape, Show, Skeleton, Tab as OneTab, Tabs},
    reactive::{derived, memo, varying},
    shell::{Shortcuts, Waiting},
};

/// The left side.
#[component]
pub(super) fn Requests() -> impl IntoView {
    let room = Room::here();
    let pages = room.reading.pages;
    let retry = Callback::new(move |()| pages.again());
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
    });
    view! {
        <section
            class="list"
            aria-label="Requests"
            on:pointerenter=move |event| room.held(|hold| hold.pointed = event.pointer_type() == "mouse")
            on:pointerleave=move |_| room.held(|hold| hold.pointed = false)
            on:touchstart=move |_| room.held(|hold| hold.touched = true)
            on:touchend=move |_| room.held(|hold| hold.touched = false)
            on:touchcancel=move |_| room.held(|hold| hold.touched = false)
            on:focusin=move |event| room.held(|hold| hold.focused = is_row(event.target()))
            // A window that is left keeps its focused element: nothing may move it until one comes back.
            on:focusout=move |event| {
                let kept = document().active_element().map(Into::into);
                room.held(|hold| hold.focused = is_row(event.related_target().or(kept)));
            }
        >
            <header>
                <h1>"Inbox"</h1>
                <Tabs label="Which requests" tabs chosen on_choose=choose />
            </header>
            <Search />
            <Arrivals />
            {varying(move || pages.failure.get().map(|failure| view! { <Failed failure retry /> }))}
            <Lines />
        </section>
    }
}

fn is_row(element: Option<web_sys::EventTarget>) -> bool {
    element
        .and_then(|element| element.dyn_into::<Element>().ok())
        .is_some_and(|element| element.matches(".entry") == Ok(true))
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
            room.go(|place| place.search.clear(), true);
            if let Some(input) = input.get_untracked() {
                let _ = input.blur();
            }
        }
    };
    view! {
        <div class="search" role="search">
            <Icon shape=Shape::Search />
            <input
                node_ref=input
                type="search"
                aria-label="Search by tool, caller or argument"
                placeholder="Tool, caller, argument …"
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
    let said = Memo::new(move |old: Option<&(usize, String)>| {
        // What a list is read with is no news.
        let complete = room.reading.listed.with(|listed| listed.complete);
        let count = room.board.with(|board| board.entries.iter().filter(|entry| !entry.gone).count() + board.withheld);
        let count = if complete { count } else { 0 };
        match old {
            Some((before, _)) if count > *before && *before > 0 => (count, announced(count - before)),
            _ => (count, String::new()),
        }
    });
    let let_in = Callback::new(move |()| {
        room.let_in();
        // The button is gone then; the focus must not be.
        let list = document().get_element_by_id("requests").and_then(|list| list.dyn_into::<HtmlElement>().ok());
        if let Some(list) = list {
            let _ = list.focus();
        }
    });
    view! {
        <p class="visually-hidden" role="status">{varying(move || said.with(|(_, words)| words.clone()))}</p>
        <Show when=move || withheld.get() != 0>
            <div class="arrivals">
                <Button kind=Kind::Primary on_press=let_in>
                    {varying(move || withheld.get())} " new"
                </Button>
            </div>
        </Show>
    }
}

fn announced(count: usize) -> String {
    if count == 1 { "1 new request".to_owned() } else { format!("{count} new requests") }
}

/// What the list shows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stage {
    /// Nothing was read yet.
    Unread,
    /// It could not be read.
    Failed,
    /// There is nothing in this tab.
    Empty(Tab),
    /// Requests.
    Rows,
}

/// What the list shows just now.
pub(super) fn stage(room: Room) -> Memo<Stage> {
    memo(move || {
        let tab = room.reading.listed.with(|listed| listed.tab);
        match room.board.with(|board| (board.entries.is_empty(), board.complete)) {
            (false, _) => Stage::Rows,
            (true, true) => Stage::Empty(tab),
            (true, false) if room.reading.pages.failure.with(Option::is_some) => Stage::Failed,
            (true, false) => Stage::Unread,
        }
    })
}

#[component]
fn Lines() -> impl IntoView {
    let stage = stage(Room::here());
    varying(move || match stage.get() {
        Stage::Failed => ().into_any(),
        Stage::Unread => view! { <div class="lines"><Skeleton lines=6 /></div> }.into_any(),
        Stage::Empty(Tab::Waiting) => view! { <Late part=nothing_waits() /> }.into_any(),
        Stage::Empty(Tab::Decided) => view! { <NothingDecided /> }.into_any(),
        Stage::Rows => view! { <Groups /> }.into_any(),
    })
}

#[component]
fn Groups() -> impl IntoView {
    let room = Room::here();
    let nothing = memo(move || room.visible.with(Vec::is_empty));
    view! {
        <div class="lines" id="requests" tabindex="-1">
            {[Group::Mine, Group::Others, Group::Unsettled, Group::Decided]
                .into_iter()
                .map(|group| view! { <OneGroup group /> })
                .collect_view()}
            <Show when=move || nothing.get()>
                <p class="nothing quiet">"Nothing here matches what you search for."</p>
            </Show>
            <More />
        </div>
    }
}

#[component]
fn OneGroup(group: Group) -> impl IntoView {
    let room = Room::here();
    let ids = memo(move || {
        let of = |entry: &&Entry| entry.group == group;
        room.board.with(|board| board.entries.iter().filter(of).map(Entry::id).collect::<Vec<_>>())
    });
    let some = memo(move || ids.with(|ids| !ids.is_empty()));
    // A heading over lines that the search has hidden says nothing.
    let found = memo(move || {
        let found: HashSet<Uuid> = room.visible.with(|visible| visible.iter().copied().collect());
        ids.with(|ids| ids.iter().any(|id| found.contains(id)))
    });
    let heading = group.heading();
    view! {
        <Show when=move || some.get()>
            {heading.map(|words| view! { <h2 hidden=varying(move || !found.get())>{words}</h2> })}
            <ul>
                <For each=move || ids.get() key=|id| *id let:id>
                    <Row id />
                </For>
            </ul>
        </Show>
    }
}

#[component]
fn More() -> impl IntoView {
    let room = Room::here();
    let pages = room.reading.pages;
    let more = memo(move || room.reading.listed.with(|listed| listed.more));
    let waiting = move || room.place.with(|place| place.tab == Tab::Waiting);
    view! {
        <Show when=move || more.get()>
            <div class="more">
                {varying(move || {
                    if waiting() {
                        view! { <p class="quiet">"There are more than can be listed here. Decide some to see the others."</p> }.into_any()
                    } else {
                        view! { <Button busy=pages.reading on_press=Callback::new(move |()| pages.go_on())>"Show more"</Button> }.into_any()
                    }
                })}
            </div>
        </Show>
    }
}
