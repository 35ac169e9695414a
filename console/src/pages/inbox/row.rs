//! One row of the list: the values of the arguments, the time that is left, the tool and the caller. It stays the same
//! element while what it shows changes, so that no event takes it away from under a finger or a focus.

use chrono::{DateTime, Utc};
use domain::marks::{self, Form};
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    board::Entry,
    flag::Flag,
    order::Group,
    place::{Place, Tab},
    room::{Line, Room, is_wide},
    urgency::Urgency,
};
use crate::{
    api::encoded,
    components::{Clock, Icon, Said, Time, Word, exact},
    decide::{Decisions, Fate},
    pages::request::StatusBadge,
    reactive::{Memo, memo, varying},
    show::{time::remaining, words::plain},
};

/// How many characters of the values a row has: no window shows more in one line.
const LONGEST: usize = 100;

/// The name of a row's link in the page.
pub(super) fn element_id(id: Uuid) -> String {
    format!("request-{id}")
}

/// The request of a row's link, if the element is one.
pub(super) fn request_of(element: &web_sys::Element) -> Option<Uuid> {
    element.id().strip_prefix("request-")?.parse().ok()
}

/// A row, with a checkbox before it while requests are picked.
#[component]
pub(super) fn Row(id: Uuid) -> impl IntoView {
    let room = Room::here();
    let look = move |event: web_sys::MouseEvent| {
        if event.ctrl_key() || event.meta_key() || event.button() != 0 {
            return;
        }
        event.prevent_default();
        let picks = room.picked.with_untracked(|picked| picked.on);
        if room.picked_long.get_value() {
            room.picked_long.set_value(false);
        } else if event.shift_key() || (picks && !is_wide()) {
            room.pick(id, event.shift_key());
        } else {
            // Side by side, the list is not a page that one goes back to.
            room.look_at(Some(id), is_wide());
        }
    };
    room.line(id).map(|Line { entry, found, current, picked }| {
        // Without the search: five hundred addresses need not change with every letter.
        let tab = if entry.with_untracked(is_decided) { Tab::Decided } else { Tab::Waiting };
        let href = Place { tab, selected: Some(id), ..Place::default() }.query(encoded);
        let (clock, end) = (Clock::here(), entry.clone());
        let left =
            memo(move || end.with(time_left).map(|at| (remaining(at, clock.get()), Urgency::of(at, clock.get()))));
        let (state, is_current, is_picked) = (entry.clone(), current.clone(), picked.clone());
        let class = varying(move || {
            let urgency = left.with(|left| left.as_ref().map_or("", |(_, urgency)| urgency.class()));
            let sending = if state.with(|entry| entry.doing.is_some()) { " sending" } else { "" };
            let on = if is_current.get() { " on" } else { "" };
            let picked = if is_picked.get() { " picked" } else { "" };
            format!("row{urgency}{sending}{on}{picked}")
        });
        let to_do = entry.clone();
        let checkbox = varying(move || {
            room.picking.get().then(|| view! { <Checkbox id entry=to_do.clone() picked=picked.clone() /> })
        });
        view! {
            <li hidden=varying(move || !found.get())>
                {checkbox}
                <a
                    id=element_id(id)
                    class=class
                    href=href
                    draggable="false"
                    aria-current=varying(move || current.get().then_some("true"))
                    on:click=look
                >
                    <Lines entry left />
                </a>
            </li>
        }
    })
}

/// Picks the request, where it can be decided.
#[component]
fn Checkbox(id: Uuid, entry: ArcRwSignal<Entry>, picked: ArcRwSignal<bool>) -> impl IntoView {
    let room = Room::here();
    view! {
        <label class="hit">
            <input
                type="checkbox"
                class="box"
                aria-label="Select"
                aria-describedby=element_id(id)
                prop:checked=varying(move || picked.get())
                disabled=varying(move || !entry.with(Entry::is_to_do))
                on:click=move |event| room.pick(id, event.shift_key())
            />
        </label>
    }
}

fn is_decided(entry: &Entry) -> bool {
    entry.group == Group::Decided
}

/// When a request expires, where that is what its row says.
fn time_left(entry: &Entry) -> Option<DateTime<Utc>> {
    (!entry.gone && entry.doing.is_none() && entry.approval.status == "pending").then_some(entry.approval.expires_at)
}

#[component]
fn Lines(entry: ArcRwSignal<Entry>, left: Memo<Option<(String, Urgency)>>) -> impl IntoView {
    let approval = entry.with_untracked(|entry| entry.approval.clone());
    let values = match (&approval.values, &approval.summary) {
        (values, _) if !values.is_empty() => values.clone(),
        (_, Some(summary)) => vec![summary.clone()],
        (_, None) => vec!["Arguments no longer kept".to_owned()],
    };
    let by = [approval.tool.clone(), approval.caller_name.clone()];
    let beside = entry.clone();
    view! {
        <span>
            <Joined class="what one" texts=values />
            {varying(move || beside.with(|entry| when(entry, left)))}
        </span>
        <span>
            <Joined class="by one" texts=by.to_vec() />
            {varying(move || entry.with(notable))}
        </span>
    }
}

/// Texts of others in one line, which ends with an ellipsis where there is no room; the title has all of them.
#[component]
fn Joined(class: &'static str, texts: Vec<String>) -> impl IntoView {
    let all_plain = texts.iter().map(|text| plain(text)).collect::<Vec<_>>().join(" · ");
    let mut length = 0;
    let shown = texts.into_iter().enumerate().take_while(move |(_, text)| {
        let fits = length < LONGEST;
        length += text.len();
        fits
    });
    let parts = shown.map(|(at, text)| view! { {(at > 0).then_some(" · ")}{said(text)} }).collect_view();
    view! { <span class=class title=all_plain>{parts}</span> }
}

/// [`Said`] without what only unusual text needs, for a list of five hundred rows.
fn said(text: String) -> AnyView {
    match marks::count(&text, Form::Line) {
        0 if text.len() <= 300 => view! { <bdi>{text}</bdi> }.into_any(),
        _ => view! { <Said text /> }.into_any(),
    }
}

/// What stands at the right of the first line: how long there is left, what is being done, or when it was decided.
fn when(entry: &Entry, left: Memo<Option<(String, Urgency)>>) -> AnyView {
    let approval = &entry.approval;
    match (entry.doing, time_left(entry)) {
        (Some(doing), _) => view! { <span class="left">{doing}</span> }.into_any(),
        (None, Some(at)) => {
            let words = varying(move || left.with(|left| left.as_ref().map(|(words, _)| words.clone())));
            view! { <time class="left" datetime=exact(at) title=exact(at)>{words}</time> }.into_any()
        }
        (None, None) if approval.status == "pending" => ().into_any(),
        (None, None) => {
            let at = approval.decided_at.unwrap_or(approval.created_at);
            view! { <span class="left"><Time at /></span> }.into_any()
        }
    }
}

/// What should stop the eye; of a request that does not wait, its outcome.
fn notable(entry: &Entry) -> AnyView {
    let approval = &entry.approval;
    match (entry.gone, approval.status.as_str()) {
        _ if entry.doing.is_some() => ().into_any(),
        // It has expired by this page's clock, or it was decided while nothing could be heard.
        (true, "pending") => view! { <Word>"no longer waiting"</Word> }.into_any(),
        (true, _) => {
            let words = Decisions::here().became(&Fate::of(approval));
            let plain_words = plain(&words);
            view! { <span class="word one" title=plain_words>{said(words)}</span> }.into_any()
        }
        (false, "pending") => flags(&Flag::of(approval, entry.marked, entry.alike)),
        _ => view! { <StatusBadge status=approval.status.clone() answer=approval.answer.clone() /> }.into_any(),
    }
}

/// The first of several flags in a word, the others by their icons.
fn flags(flags: &[Flag]) -> AnyView {
    let Some((first, others)) = flags.split_first() else { return ().into_any() };
    let one = |flag: &Flag, seen: bool| {
        let ((tone, shape), words) = (flag.look(), flag.words());
        view! {
            <Word tone>
                <Icon shape />
                {if seen { view! { {words} }.into_any() } else { view! { <span class="sr">{words}</span> }.into_any() }}
            </Word>
        }
    };
    let others = others.iter().map(|flag| one(flag, false)).collect_view();
    view! { {others}{one(first, true)} }.into_any()
}
