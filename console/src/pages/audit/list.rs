//! `/:org/audit`.

use leptos::prelude::*;

use super::{
    chips::Chips,
    export::{Export, Stage},
    filters::Filters,
    find::Find,
    more::{exporting, side},
    near::when_near,
    results::{PAGE, Results},
    room::Room,
    rows::Rows,
    search::Search,
    timeline::Timeline,
};
use crate::{
    components::{Bones, Button, EmptyState, Failed, Icon, Shape, Show, Skeleton},
    reactive::{memo, varying},
    shell::title,
};

#[component]
pub(crate) fn AuditList() -> impl IntoView {
    title(|| "Audit".into());
    let room = Room::new();
    let Room { search, results, .. } = room;
    let export = Export::new(search);
    let exports = move || export.stage.with(|stage| !matches!(stage, Stage::Closed));
    let beside = memo(move || search.selected.with(Option::is_some));
    view! {
        <main class="page audit">
            <header>
                <h1>"Audit"</h1>
                <Find />
                <span class="line end">
                    <Following results />
                    <button
                        type="button"
                        class="btn short"
                        id="to-export"
                        aria-label="Export"
                        aria-expanded=varying(move || exports().to_string())
                        on:click=move |_| export.turn()
                    >
                        <Icon shape=Shape::Download />
                        "Export"
                    </button>
                </span>
            </header>
            <div class=varying(move || if beside.get() { "withside" } else { "" })>
                <div class="body">
                    <Show when=exports>{exporting(export)}</Show>
                    <div class="stack">
                        <Chips />
                        <Timeline room />
                    </div>
                    <Found room />
                </div>
                <Show when=move || beside.get()>{side(room)}</Show>
            </div>
        </main>
    }
}

/// Whether new records appear by themselves.
#[component]
fn Following(results: Results) -> impl IntoView {
    let turn = move |_| {
        results.on.update(|on| *on = !*on);
        if results.on.get_untracked() {
            results.catch_up();
        }
    };
    view! {
        <Show when=move || results.open.get()>
            <button
                type="button"
                class="btn short"
                aria-label="Live"
                aria-pressed=varying(move || results.on.get().to_string())
                title="New records appear as they happen, except while you read in the list"
                on:click=turn
            >
                <Icon shape=Shape::Live />
                "Live"
            </button>
        </Show>
    }
}

/// The records, in all states of reading them.
#[component]
fn Found(room: Room) -> impl IntoView {
    let results = room.results;
    let some = memo(move || results.roll.with(|roll| roll.as_ref().map(|roll| !roll.entries.is_empty())));
    let old = memo(move || results.newest.reading.get() && results.newest.value.with(Option::is_none));
    let failed = move || results.newest.failure.get();
    let retry = Callback::new(move |()| results.newest.again());
    view! {
        <div class="found">
            <div role="status"><New results /></div>
            {varying(move || failed().map(|failure| view! { <Failed failure retry /> }))}
            <div
                node_ref=results.place
                class=varying(move || if old.get() { "bleed old" } else { "bleed" })
                aria-busy=varying(move || old.get().to_string())
                on:pointerenter=move |event| results.point(&event, true)
                on:pointerleave=move |event| results.point(&event, false)
            >
                {varying(move || match some.get() {
                    Some(true) => view! { <Rows room /> }.into_any(),
                    Some(false) => view! { <Nothing search=room.search /> }.into_any(),
                    None if failed().is_some() => ().into_any(),
                    None => view! { <Skeleton shape=Bones::Records /> }.into_any(),
                })}
            </div>
            <Show when=move || some.get() == Some(true)><End results /></Show>
        </div>
    }
}

/// How many new ones are not shown yet.
#[component]
fn New(results: Results) -> impl IntoView {
    let words = move || match results.new.get() {
        PAGE.. => format!("{PAGE} or more new"),
        new => format!("{new} new"),
    };
    let show = Callback::new(move |()| {
        results.catch_up();
        to_top();
        // The button is gone then.
        super::room::focus("content");
    });
    view! {
        <Show when=move || results.open.get() && results.new.with(|new| *new > 0)>
            <p class="new"><Button on_press=show>{words}</Button></p>
        </Show>
    }
}

/// The end of the list: how much of it is shown, and the way to more. It loads by itself when one comes near.
#[component]
fn End(results: Results) -> impl IntoView {
    let goes_on = memo(move || results.roll.with(|roll| roll.as_ref().is_some_and(|roll| roll.goes_on())));
    let near = NodeRef::new();
    when_near(near, move || results.roll.track(), move || results.go_on());
    let retry = Callback::new(move |()| results.older.again());
    view! {
        <div class="near" node_ref=near aria-hidden="true"></div>
        {varying(move || results.older.failure.get().map(|failure| view! { <Failed failure retry /> }))}
        <p class="status">
            <span role="status">{varying(move || results.count())}</span>
            <Show when=move || goes_on.get()>
                <Button busy=results.older.reading on_press=Callback::new(move |()| results.go_on())>"Load more"</Button>
            </Show>
        </p>
    }
}

#[component]
fn Nothing(search: Search) -> impl IntoView {
    let clear = Callback::new(move |()| {
        super::room::focus("all-filters");
        search.ask(&Filters::default(), false);
    });
    varying(move || {
        if search.filters.with(Filters::is_empty) {
            view! {
                <EmptyState title="No records yet">
                    <p>
                        "Every call of an agent and every change that a person makes is recorded here. "
                        "Connect an agent to a toolkit, and its first call appears by itself."
                    </p>
                </EmptyState>
            }
            .into_any()
        } else {
            view! {
                <EmptyState title="No matching records">
                    <p>"Tools, toolkits, callers and actions must match exactly. Search finds parts of words."</p>
                    <Button on_press=clear>"Clear filters"</Button>
                </EmptyState>
            }
            .into_any()
        }
    })
}

/// The page scrolls by itself on wide screens, the window on narrow ones.
fn to_top() {
    for scrolls in [".page.audit", "#content"] {
        if let Some(element) = document().query_selector(scrolls).ok().flatten() {
            element.set_scroll_top(0);
        }
    }
    window().scroll_to_with_x_and_y(0.0, 0.0);
}
