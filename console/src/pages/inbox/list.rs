//! The list: its header and the rows under their headings. It never moves under the pointer.

use leptos::{
    ev::{Custom, FocusEvent, PointerEvent},
    prelude::*,
    tachys::html::{
        attribute::any_attribute::{AnyAttribute, IntoAnyAttribute},
        event::on,
    },
};
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::{
    board::Board, empty::empty, filter::Order, header::Header, order::Group, picking::LongPress, place::Tab,
    room::Room, row::Row,
};
use crate::{
    components::{Button, Failed, For, Late, Said, Show},
    reactive::{Memo, memo, varying},
    shell::Shortcuts,
};

/// The keys that are named under the list.
const KEYS: [(&[&str], &str); 4] = [(&["J", "K"], "move"), (&["X"], "select"), (&["A"], "approve"), (&["R"], "reject")];

/// The left side.
#[component]
pub(super) fn Requests() -> impl IntoView {
    let room = Room::here();
    let pages = room.reading.pages;
    let retry = Callback::new(move |()| pages.again());
    let escape = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && room.picking.get_untracked() {
            room.pick_none();
        }
    };
    view! {
        <section
            class=varying(move || if room.picking.get() { "list picking" } else { "list" })
            aria-label="Requests"
            {..heard(room)}
            on:keydown=escape
        >
            <Header />
            {varying(move || pages.failure.get().map(|failure| view! { <Failed failure retry /> }))}
            <Content />
            <Keys />
        </section>
    }
}

/// What the list notices of a hand on it. The kinds of events are told apart here, and not by Leptos, which compiles its
/// machinery once for each kind.
fn heard(room: Room) -> Vec<AnyAttribute> {
    const KINDS: [&str; 12] = [
        "pointerdown",
        "pointermove",
        "pointerup",
        "pointercancel",
        "contextmenu",
        "pointerenter",
        "pointerleave",
        "touchstart",
        "touchend",
        "touchcancel",
        "focusin",
        "focusout",
    ];
    let long = LongPress::new(room);
    let hear = move |event: web_sys::Event| match &*event.type_() {
        "pointerdown" => long.down(event.unchecked_ref()),
        "pointermove" => long.moved(event.unchecked_ref()),
        "pointerup" | "pointercancel" => long.up(),
        "contextmenu" => long.menu(event.unchecked_ref()),
        "pointerenter" => {
            let is_mouse = event.unchecked_ref::<PointerEvent>().pointer_type() == "mouse";
            room.held(|hold| hold.pointed = is_mouse);
        }
        "pointerleave" => room.held(|hold| hold.pointed = false),
        "touchstart" => room.held(|hold| hold.touched = true),
        "touchend" | "touchcancel" => room.held(|hold| hold.touched = false),
        "focusin" => room.held(|hold| hold.focused = is_row(event.target())),
        // A window that is left keeps its focused element: nothing may move it until one comes back.
        "focusout" => {
            let kept = document().active_element().map(Into::into);
            let to = event.unchecked_ref::<FocusEvent>().related_target();
            room.held(|hold| hold.focused = is_row(to.or(kept)));
        }
        _ => {}
    };
    KINDS.into_iter().map(|kind| on(Custom::new(kind), hear).into_any_attr()).collect()
}

fn is_row(element: Option<web_sys::EventTarget>) -> bool {
    element
        .and_then(|element| element.dyn_into::<Element>().ok())
        .is_some_and(|element| element.matches(".row, .box") == Ok(true))
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
fn Content() -> impl IntoView {
    let stage = stage(Room::here());
    varying(move || match stage.get() {
        Stage::Failed => ().into_any(),
        Stage::Unread => view! { <Bones /> }.into_any(),
        Stage::Empty(tab) => view! { <Late part=empty(tab) /> }.into_any(),
        Stage::Rows => view! { <Rows /> }.into_any(),
    })
}

/// Rows that are being read, in the shape of rows.
#[component]
fn Bones() -> impl IntoView {
    let bone = |_| {
        view! {
            <div class="row" aria-hidden="true">
                <span><i class="bone w1"></i><i class="bone w3 end"></i></span>
                <span><i class="bone w2"></i></span>
            </div>
        }
    };
    view! {
        <div class="rows skeleton" role="status">
            <span class="sr">"Loading…"</span>
            {(0..8).map(bone).collect_view()}
        </div>
    }
}

/// A heading, or a row under it. Both are keyed in one list: a row that goes to another group stays the same element.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Item {
    /// A group's heading.
    Heading(&'static str),
    /// A tool's heading, and its toolkit.
    Tool(String, String),
    /// A row.
    Row(Uuid),
}

/// Everything in the list in its order. Rows that search or filter hide are there, but no heading stands over nothing.
fn items(board: &Board, visible: &[Uuid], order: Order) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::with_capacity(board.entries.len() + 8);
    let mut visible = visible.iter().peekable();
    let (mut group, mut first) = (None, true);
    for entry in &board.entries {
        let seen = visible.next_if_eq(&&entry.id()).is_some();
        let under = (order.heading(entry), if order.heading(entry).is_some() { Group::Later } else { entry.group });
        // A heading comes with the first row that is seen under it, before it those that are not.
        if seen && group != Some(under) {
            group = Some(under);
            let heading = match under {
                (Some((tool, toolkit)), _) => Some(Item::Tool(tool.to_owned(), toolkit.to_owned())),
                (None, group) => group.heading(first).map(Item::Heading),
            };
            items.extend(heading);
            first = false;
        }
        items.push(Item::Row(entry.id()));
    }
    items
}

#[component]
fn Rows() -> impl IntoView {
    let room = Room::here();
    let nothing = memo(move || room.visible.with(Vec::is_empty));
    let order = memo(move || room.place.with(|place| place.order));
    let items = memo(move || room.board.with(|board| room.visible.with(|visible| items(board, visible, order.get()))));
    let clear = Callback::new(move |()| room.clear_finding());
    view! {
        <div class="rows" id="requests" tabindex="-1">
            <ul>
                <For each=move || items.get() key=Item::clone let:item>
                    {match item {
                        Item::Heading(words) => view! { <li class="heading"><h2>{words}</h2></li> }.into_any(),
                        Item::Tool(tool, toolkit) => view! {
                            <li class="heading"><h2 class="one"><Said text=tool />" · "<Said text=toolkit /></h2></li>
                        }
                            .into_any(),
                        Item::Row(id) => view! { <Row id /> }.into_any(),
                    }}
                </For>
            </ul>
            <Show when=move || nothing.get()>
                <div class="empty">
                    <p>"No requests match."</p>
                    <Button on_press=clear>"Clear search and filters"</Button>
                </div>
            </Show>
            <More />
        </div>
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
            <div class="rest">
                {varying(move || {
                    if waiting() {
                        view! { <p class="dimmer">"The list has room for 1,000 requests. Decide some to see the others."</p> }.into_any()
                    } else {
                        view! { <Button busy=pages.reading on_press=Callback::new(move |()| pages.go_on())>"Show more"</Button> }.into_any()
                    }
                })}
            </div>
        </Show>
    }
}

/// The keys that one needs most, where keys do something; help has all of them.
#[component]
fn Keys() -> impl IntoView {
    let on = Shortcuts::here().on;
    view! {
        <Show when=move || on.get()>
            <div class="keys wide-only" aria-hidden="true">
                {KEYS
                    .map(|(keys, does)| {
                        view! { <span>{keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}" "{does}</span> }
                    })
                    .into_iter()
                    .collect_view()}
            </div>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use api_types::Approval;

    use super::*;
    use crate::{api::sample::request, pages::inbox::board::News};

    /// The list of these requests (number, minutes, tool), of which some are visible: headings and numbers.
    fn listed(of: &[(u128, i64, &str)], visible: &[u128], order: Order) -> Vec<String> {
        let row = |(n, minutes, tool): &(u128, i64, &str)| {
            let tool = (*tool).to_owned();
            Arc::new(Approval { may_decide: true, tool, ..request(*n, "pending", *minutes) })
        };
        let rows = of.iter().map(row).map(|row| (row.id, row)).collect();
        let board = Board::default().after(&News {
            rows: &rows,
            complete: true,
            now: chrono::DateTime::UNIX_EPOCH,
            here: &|_| true,
            doing: &|_| None,
            held: false,
            selected: None,
            order,
        });
        let visible: Vec<Uuid> =
            board.entries.iter().map(|entry| entry.id()).filter(|id| visible.contains(&id.as_u128())).collect();
        let words = items(&board, &visible, order).into_iter().map(|item| match item {
            Item::Heading(words) => words.to_owned(),
            Item::Tool(tool, toolkit) => format!("{tool} in {toolkit}"),
            Item::Row(id) => id.as_u128().to_string(),
        });
        words.collect()
    }

    #[test]
    fn a_heading_stands_over_the_first_row_that_is_seen() {
        let three = [(1, 2, "pay"), (2, 3, "mail"), (3, 30, "pay")];
        assert_eq!(listed(&three, &[1, 2, 3], Order::default()), ["Under 5 minutes", "1", "2", "Later", "3"]);
        assert_eq!(listed(&three, &[2, 3], Order::default()), ["1", "Under 5 minutes", "2", "Later", "3"]);
        assert_eq!(listed(&three, &[3], Order::default()), ["1", "2", "3"], "alone, what is later is all there is");
        assert_eq!(listed(&three, &[], Order::default()), ["1", "2", "3"], "no heading stands over nothing");
    }

    #[test]
    fn a_tool_is_the_heading_of_its_requests_however_urgent_they_are() {
        let order = Order { alike: true, ..Order::default() };
        let three = [(1, 2, "pay"), (2, 3, "mail"), (3, 30, "pay")];
        assert_eq!(listed(&three, &[1, 2, 3], order), ["pay in finance", "1", "3", "mail in finance", "2"]);
    }
}
