//! `/:org/audit`.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    chips::{Chips, Presets},
    controls::Controls,
    filters::{Filters, with_query},
    results::{PAGE, Results},
    rows::Rows,
    search::Search,
};
use crate::{
    api::{encoded, of_org},
    components::{Button, EmptyState, Failed, Show, Skeleton},
    reactive::{derived, memo, varying},
    shell::{Org, Shortcuts, title},
};

#[component]
pub(crate) fn AuditList() -> impl IntoView {
    title(|| "Audit".into());
    let search = Search::provide();
    let results = Results::new(search);
    keys(results);
    view! {
        <main class="page audit">
            <header class="head">
                <h1>"Audit"</h1>
                <Export />
                <Following results />
            </header>
            <Controls />
            <Presets />
            <Chips />
            <Found results />
            <Pages results />
        </main>
    }
}

/// J and K go from record to record; Enter opens one, as on every link.
fn keys(results: Results) {
    let step = move |forward: bool| {
        let Some(place) = results.place.get_untracked() else { return };
        let row = document().active_element().and_then(|focus| focus.closest("tr.leads").ok().flatten());
        let to = match row {
            None => place.query_selector("tr.leads").ok().flatten(),
            Some(row) if forward => row.next_element_sibling(),
            Some(row) => row.previous_element_sibling(),
        };
        let link = to.and_then(|row| row.query_selector("a.to-record").ok().flatten());
        if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
            let _ = link.focus();
        }
    };
    let shortcuts = Shortcuts::here();
    shortcuts.register("j", "Next record", move || step(true));
    shortcuts.register("k", "Previous record", move || step(false));
}

/// The same records as a file.
#[component]
fn Export() -> impl IntoView {
    let search = Search::here();
    let org = Org::here();
    let to = move |format: &str| {
        let asked = search.filters.with(|filters| filters.query(encoded));
        let query = if asked.is_empty() { format!("format={format}") } else { format!("format={format}&{asked}") };
        with_query(&format!("/api/v1{}", of_org(&org.slug.get(), "/audit/export")), &query)
    };
    view! {
        <span class="export">
            <span class="quiet">"Export"</span>
            <a class="btn quiet" download="" href=varying(move || to("jsonl"))>"JSONL"</a>
            <a class="btn quiet" download="" href=varying(move || to("csv"))>"CSV"</a>
        </span>
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
                class="btn following"
                aria-pressed=varying(move || results.on.get().to_string())
                title="New records appear by themselves, but never while you read in the list."
                on:click=turn
            >
                <i aria-hidden="true"></i>
                "Live"
            </button>
        </Show>
    }
}

#[component]
fn Found(results: Results) -> impl IntoView {
    let search = Search::here();
    let some = memo(move || results.shown.with(|shown| shown.as_ref().map(|shown| !shown.is_empty())));
    let old = move || results.read.reading.get() && results.read.value.with(Option::is_none);
    let records = derived(move || results.shown.get().unwrap_or_default());
    let query = derived(move || search.query(&search.cursor.get()));
    let retry = Callback::new(move |()| results.read.again());
    let place = results.place;
    view! {
        <div role="status"><New results /></div>
        {varying(move || results.read.failure.get().map(|failure| view! { <Failed failure retry /> }))}
        <div
            node_ref=place
            class=varying(move || if old() { "found old" } else { "found" })
            aria-busy=varying(move || old().to_string())
            on:pointerenter=move |event| results.point(&event, true)
            on:pointerleave=move |event| results.point(&event, false)
        >
            {varying(move || match some.get() {
                Some(true) => view! { <Rows caption="Audit records, newest first" records query /> }.into_any(),
                Some(false) => view! { <Nothing /> }.into_any(),
                None if results.read.failure.with(Option::is_some) => ().into_any(),
                None => view! { <Skeleton lines=8 /> }.into_any(),
            })}
        </div>
    }
}

/// How many wait above.
#[component]
fn New(results: Results) -> impl IntoView {
    let words = move || match results.new.get() {
        PAGE.. => format!("{PAGE} or more new"),
        new => format!("{new} new"),
    };
    let show = Callback::new(move |()| {
        results.catch_up();
        to_top();
    });
    view! {
        <Show when=move || results.open.get() && results.new.with(|new| *new > 0)>
            <p class="new"><Button on_press=show>{words}</Button></p>
        </Show>
    }
}

#[component]
fn Nothing() -> impl IntoView {
    let search = Search::here();
    let clear = Callback::new(move |()| search.ask(&Filters::default(), false));
    varying(move || {
        if search.filters.with(Filters::is_empty) {
            view! {
                <EmptyState title="Nothing is on record yet">
                    <p>
                        "Every call of an agent and every change that a person makes is written here, with who, what and how it ended. "
                        "Connect an agent to a toolkit: its first call appears by itself."
                    </p>
                </EmptyState>
            }
            .into_any()
        } else {
            view! {
                <EmptyState title="No record matches">
                    <p>"Toolkits, tools, people and actions are matched whole; the search field finds parts."</p>
                    <Button on_press=clear>"Clear the filters"</Button>
                </EmptyState>
            }
            .into_any()
        }
    })
}

/// To older records, and back.
#[component]
fn Pages(results: Results) -> impl IntoView {
    let search = Search::here();
    Effect::new(move |before: Option<String>| {
        let cursor = search.cursor.get();
        if before.is_some_and(|before| before != cursor) {
            to_top();
        }
        cursor
    });
    view! {
        <nav class="pages" aria-label="Pages of records">
            <Show when=move || !search.cursor.with(String::is_empty)>
                <a class="btn" href=varying(move || search.page(""))>"Newest"</a>
            </Show>
            {varying(move || {
                let next = results.next.get()?;
                Some(view! { <a class="btn" href=varying(move || search.page(&next))>"Older records"</a> })
            })}
        </nav>
    }
}

/// The content scrolls by itself on wide screens, the window on narrow ones.
fn to_top() {
    if let Some(content) = document().get_element_by_id("content") {
        content.set_scroll_top(0);
    }
    window().scroll_to_with_x_and_y(0.0, 0.0);
}
