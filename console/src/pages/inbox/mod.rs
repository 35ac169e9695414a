//! `/:org/inbox`: the requests on the left, the one that is looked at on the right; on narrow screens one after the other.
//!
//! `listed` is what the server has and `board` what is shown of it; they, `order`, `filter`, `place`, `picked`, `urgency`
//! and `flag` need no browser. `reading` reads and follows the list, `room` is what the parts share, and `picking` how one
//! picks several requests; `header`, `list`, `row`, `sheet` and `missing` are what is seen, `panel` (filters), `bulk` (what
//! decides several) and `empty` what is loaded when it is first seen. The request itself is `pages::request`.

mod board;
mod bulk;
mod empty;
mod filter;
mod flag;
mod header;
mod list;
mod listed;
mod missing;
mod order;
mod panel;
mod picked;
mod picking;
mod place;
mod reading;
mod room;
mod row;
mod sheet;
mod urgency;

use leptos::prelude::*;

use self::{
    list::{Requests, Stage},
    place::Tab,
    room::{Room, is_wide},
    sheet::Sheet,
};
use crate::{
    decide::Decisions,
    reactive::{effect, effect_again, memo},
    shell::{Org, Waiting, title},
    show::words::Words,
};

#[component]
pub(crate) fn Inbox() -> impl IntoView {
    let org = Org::here();
    let room = Room::provide();
    let waiting = Waiting::here().count;
    title(move || match waiting.get() {
        0 => Words::of("Inbox · {}", &[&org.slug.get()]),
        count => Words::of("({}) Inbox · {}", &[&count.to_string(), &org.slug.get()]),
    });
    picking::keys(room);
    follow_decisions(room);
    choose_first(room);
    bring_into_view(room);
    let stage = list::stage(room);
    let class = move || match (room.selected().is_some(), stage.get()) {
        (true, _) => "both looking",
        (false, Stage::Empty(_)) => "both bare",
        (false, _) => "both",
    };
    view! {
        <main class=class>
            <Requests />
            <Sheet />
        </main>
    }
}

/// After a decision the next request comes, after one that was taken back that one again.
fn follow_decisions(room: Room) {
    let decisions = Decisions::here();
    decisions.goes_on(move |id| {
        if room.selected_now() == Some(id) {
            room.go_on_after(id, decisions);
        }
    });
    effect_again(move |again| {
        let undone = decisions.undone.get();
        if again
            && let Some(id) = undone
            && room.line(id).is_some()
        {
            room.look_at(Some(id), true);
        }
    });
}

/// Where there is room for both, the first request is looked at without being asked for.
fn choose_first(room: Room) {
    let chosen = StoredValue::new(None::<Tab>);
    effect(move || {
        let tab = room.place.with(|place| place.tab);
        // Not before all of it is there: what ends first may come last.
        let whole = room.reading.listed.with(|listed| listed.complete && listed.tab == tab);
        let first = room.visible.with(|list| list.first().copied()).filter(|_| whole);
        if chosen.get_value() == Some(tab) || first.is_none() || !is_wide() {
            return;
        }
        chosen.set_value(Some(tab));
        if room.place.with_untracked(|place| place.selected.is_none()) {
            room.go(|place| place.selected = first, true);
        }
    });
}

/// The row that is looked at can be seen, however one came to it.
fn bring_into_view(room: Room) {
    let listed = memo(move || {
        let selected = room.selected()?;
        room.board.with(|board| board.find(selected).map(board::Entry::id))
    });
    effect(move || {
        let Some(id) = listed.get() else { return };
        // Once a row that has just come is in the page.
        request_animation_frame(move || {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            if let Some(row) = document().get_element_by_id(&row::element_id(id)) {
                row.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    });
}
