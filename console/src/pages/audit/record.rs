//! `/:org/audit/:id`.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::{
    detail::{Detail, Head, name, read},
    neighbours,
    search::Search,
    side::NoRecord,
};
use crate::{
    components::{Icon, Shape, Show, Shown},
    reactive::{Memo, memo, varying},
    shell::{Shortcuts, title},
    show::words::Words,
};

#[component]
pub(crate) fn AuditRecord() -> impl IntoView {
    let search = Search::provide();
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("id").unwrap_or_default()));
    let read = read(move || Some(id.get()));
    title(move || {
        read.value.with(|read| match read {
            Some(read) => Words::of("{} · Audit", &[name(&read.record)]),
            None => "Audit record".into(),
        })
    });
    let gone = memo(move || {
        read.failure.with(|failure| failure.as_ref().is_some_and(|failure| failure.code() == Some("not_found")))
    });
    let there = memo(move || read.value.with(Option::is_some));
    view! {
        <main class="page audit">
            <header>
                <Back search />
                {varying(move || match read.value.get() {
                    Some(detail) => view! { <Head record=detail.record.clone() beside=false /> }.into_any(),
                    None if gone.get() => ().into_any(),
                    None => view! { <h1 class="sr">"Audit record"</h1> }.into_any(),
                })}
                <Steps search id />
            </header>
            <div class="body narrow">
                <Show when=move || gone.get()><NoRecord whole=true /></Show>
                <Show when=move || !gone.get() || there.get()>
                    <Shown read lines=8 let:detail><Detail detail /></Shown>
                </Show>
            </div>
        </main>
    }
}

/// Back to the list as it was.
#[component]
fn Back(search: Search) -> impl IntoView {
    Shortcuts::here().register("u", "Back to the list", move || search.leave());
    let list = move || search.filters.with(|filters| search.address(filters));
    view! {
        <a class="btn plain icon" aria-label="Back to the audit" href=varying(list)><Icon shape=Shape::Back /></a>
    }
}

/// To the records before and after this one, where a list was shown that has it.
#[component]
fn Steps(search: Search, id: Memo<String>) -> impl IntoView {
    let beside = move |forward: bool| {
        let id = id.get().parse::<Uuid>().ok()?;
        neighbours::beside(id, forward)
    };
    let step = move |forward: bool| {
        if let Some(to) = untrack(|| beside(forward)) {
            search.open(to, true);
        }
    };
    let shortcuts = Shortcuts::here();
    shortcuts.register("j", "Next record", move || step(true));
    shortcuts.register("k", "Previous record", move || step(false));
    let button = move |forward: bool, label: &'static str, shape: Shape| {
        let none = memo(move || beside(forward).is_none());
        view! {
            <button
                type="button"
                class="btn plain icon"
                aria-label=label
                aria-disabled=varying(move || none.get().to_string())
                on:click=move |_| step(forward)
            >
                <Icon shape />
            </button>
        }
    };
    let listed = memo(move || beside(true).is_some() || beside(false).is_some());
    view! {
        <Show when=move || listed.get()>
            <span class="line">
                {button(false, "Previous record", Shape::Back)}
                {button(true, "Next record", Shape::Right)}
            </span>
        </Show>
    }
}
