//! Filter and order of the list: what is set, as chips that can be removed, and the panel that sets it.

use leptos::{prelude::*, wasm_split::wasm_split};

use super::{
    filter::{Field, Filter, Only, options},
    header::focus_filter_button,
    place::Tab,
    room::Room,
};
use crate::{
    components::{Icon, Loaded, Loading, Said, Shape, Show},
    reactive::{Memo, RwSignal, memo, varying},
    show::words::{Words, plain},
};

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn filters() -> Loaded<fn(RwSignal<bool>) -> AnyView> {
    Ok(|open| view! { <Filters open /> }.into_any())
}

/// Chips and panel, once they are loaded; `open` says whether the panel is.
pub(super) fn panel(open: RwSignal<bool>) -> Loading {
    Box::pin(async move { filters().await.map(|build| ViewFn::from(move || build(open))) })
}

/// Changes the filter; going back skips the one before.
fn change(room: Room, change: impl FnOnce(&mut Filter)) {
    room.go(|place| change(&mut place.filter), true);
}

#[component]
fn Filters(open: RwSignal<bool>) -> impl IntoView {
    let room = Room::here();
    view! {
        <Chips />
        <Show when=move || open.get()>
            <div class="filters" id="filters" role="group" aria-label="Filter and sort">
                {Field::ALL.map(|field| view! { <Pick field /> }).into_iter().collect_view()}
                <div class="chips" role="group" aria-label="Show only">
                    {Only::ALL
                        .map(|only| {
                            let on = memo(move || room.place.with(|place| place.filter.only(only)));
                            let toggle = Callback::new(move |()| change(room, |filter| filter.set_only(only, !on.get_untracked())));
                            view! { <Toggle on toggle words=only.label() /> }
                        })
                        .into_iter()
                        .collect_view()}
                </div>
                <Show when=move || room.place.with(|place| place.tab == Tab::Waiting)><Ordering /></Show>
            </div>
        </Show>
    }
}

/// In which order the requests stand.
#[component]
fn Ordering() -> impl IntoView {
    let room = Room::here();
    let by = |newest: bool, words: &'static str| {
        let on = memo(move || room.place.with(|place| place.order.newest == newest));
        let toggle = Callback::new(move |()| room.go(|place| place.order.newest = newest, true));
        view! { <Toggle on toggle words /> }
    };
    let alike = memo(move || room.place.with(|place| place.order.alike));
    let toggle = Callback::new(move |()| room.go(|place| place.order.alike = !alike.get_untracked(), true));
    view! {
        <div class="chips" role="group" aria-label="Order">
            {by(false, "Expires first")}
            {by(true, "Newest first")}
            <Toggle on=alike toggle words="Group alike" />
        </div>
    }
}

/// A chip that is pressed, or not.
#[component]
fn Toggle(on: Memo<bool>, toggle: Callback<()>, words: &'static str) -> impl IntoView {
    view! {
        <button
            type="button"
            class="chip"
            aria-pressed=varying(move || on.get().to_string())
            on:click=move |_| toggle.run(())
        >
            {words}
        </button>
    }
}

/// One of what there is in the list.
#[component]
fn Pick(field: Field) -> impl IntoView {
    let room = Room::here();
    let chosen = memo(move || room.place.with(|place| place.filter.field(field).unwrap_or_default().to_owned()));
    let offered = memo(move || {
        // Options that change while somebody chooses would be replaced under the finger.
        room.reading.pages.reading.track();
        let mut offered = room.board.with_untracked(|board| options(&board.entries, field));
        let chosen = chosen.get();
        // The last of them may have been decided.
        if !chosen.is_empty() && offered.iter().all(|(value, _)| *value != chosen) {
            offered.push((chosen, 0));
        }
        offered
    });
    let choose = move |value: String| change(room, |filter| filter.set_field(field, Some(value)));
    view! {
        <label class="line">
            <span class="dim">{field.label()}</span>
            <select class="pick" on:change:target=move |event| choose(event.target().value())>
                <option value="" prop:selected=varying(move || chosen.with(String::is_empty))>"All"</option>
                {varying(move || {
                    let option = |(value, count): (String, usize)| {
                        let words = format!("{} ({count})", plain(&value));
                        let is = { let value = value.clone(); move || chosen.with(|chosen| *chosen == value) };
                        view! { <option value=value prop:selected=varying(is)>{words}</option> }
                    };
                    offered.get().into_iter().map(option).collect_view()
                })}
            </select>
        </label>
    }
}

/// What is set, each to be removed.
#[component]
fn Chips() -> impl IntoView {
    let room = Room::here();
    let filter = memo(move || room.place.with(|place| place.filter.clone()));
    let chips = move || {
        filter.with(|filter| {
            let fields = Field::ALL.into_iter().filter_map(|field| {
                let value = filter.field(field)?.to_owned();
                let label = Words::of("Remove filter: {}", &[&value]).plain();
                let remove = move |_| {
                    change(room, |filter| filter.set_field(field, None));
                    focus_filter_button();
                };
                Some(
                    view! {
                        <button type="button" class="chip on" aria-label=label on:click=remove>
                            <span class="one">{field.label()}": "<Said text=value /></span>
                            <Icon shape=Shape::Cross />
                        </button>
                    }
                    .into_any(),
                )
            });
            let only = Only::ALL.into_iter().filter(|only| filter.only(*only)).map(|only| {
                let label = format!("Remove filter: {}", only.label());
                let remove = move |_| {
                    change(room, |filter| filter.set_only(only, false));
                    focus_filter_button();
                };
                view! {
                    <button type="button" class="chip on" aria-label=label on:click=remove>
                        {only.label()}
                        <Icon shape=Shape::Cross />
                    </button>
                }
                .into_any()
            });
            fields.chain(only).collect_view()
        })
    };
    view! {
        <Show when=move || filter.with(Filter::count) != 0>
            <div class="chips" role="group" aria-label="Filters">{varying(chips)}</div>
        </Show>
    }
}
