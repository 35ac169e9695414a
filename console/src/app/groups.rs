//! The views of the pages, by the groups in which a browser loads them. What only the pages of one group need stands in a
//! file of its own, which `console/bundle` splits off at the functions that are marked here. A page that is opened by
//! everybody belongs to the main group, and every other one to a group of pages that are used together. Parts of the main
//! pages that are seldom shown are a group, too: they are marked where they stand.

use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};

use crate::{
    components::{Bones, EmptyState, NotLoaded, Skeleton, late},
    decide::load_seldom,
    pages::{Approval, AuditList, AuditRecord, FirstOrg, Inbox, Invite, Me, People, SignIn},
    shell::{
        places::{AccountPage, Content, MainPage},
        title,
    },
};

/// How long after the console's start the groups are loaded that nobody has opened yet, in milliseconds: what the first
/// page reads comes before them.
const LATER_MS: u64 = 3_000;

/// The view of a page.
pub(super) fn view_of(content: Content) -> AnyView {
    match content {
        Content::Main(page) => main_page(page),
        content => {
            load_styles();
            view! { <Loaded content /> }.into_any()
        }
    }
}

/// Loads the style sheet of the pages that are loaded in groups: before their groups, and so it is there when they are.
fn load_styles() {
    if let Some(link) = document().get_element_by_id("rooms") {
        let _ = link.set_attribute("rel", "stylesheet");
    }
}

/// Loads every group once the browser has nothing else to do, so that a page opens at once and opens even while the server
/// cannot be reached.
pub(super) fn load_when_idle() {
    let load = || {
        spawn_local(async {
            load_styles();
            // A group that cannot be loaded now is loaded when one of its pages is opened.
            let _ = load_seldom().await;
            let _ = load_request().await;
            let _ = load_audit().await;
            let _ = load_record().await;
            let _ = load_people().await;
            let _ = load_account().await;
        });
    };
    let wait = move || {
        // Not every browser says when it is idle.
        if request_idle_callback_with_handle(load).is_err() {
            load();
        }
    };
    set_timeout(wait, std::time::Duration::from_millis(LATER_MS));
}

fn main_page(page: MainPage) -> AnyView {
    match page {
        MainPage::FirstOrg => view! { <FirstOrg /> }.into_any(),
        MainPage::Inbox => view! { <Inbox /> }.into_any(),
    }
}

fn request_page() -> AnyView {
    view! { <Approval /> }.into_any()
}

fn audit_page() -> AnyView {
    view! { <AuditList /> }.into_any()
}

fn record_page() -> AnyView {
    view! { <AuditRecord /> }.into_any()
}

fn people_page() -> AnyView {
    view! { <People /> }.into_any()
}

fn account_page(page: AccountPage) -> AnyView {
    match page {
        AccountPage::SignIn => view! { <SignIn /> }.into_any(),
        AccountPage::Me => view! { <Me /> }.into_any(),
        AccountPage::Invitation => view! { <Invite /> }.into_any(),
    }
}

#[wasm_split(request, fallible, preload(load_request), wasm_split_path = ::leptos::wasm_split)]
fn request() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(request_page)
}

#[wasm_split(audit, fallible, preload(load_audit), wasm_split_path = ::leptos::wasm_split)]
fn audit() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(audit_page)
}

#[wasm_split(record, fallible, preload(load_record), wasm_split_path = ::leptos::wasm_split)]
fn record() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(record_page)
}

#[wasm_split(people, fallible, preload(load_people), wasm_split_path = ::leptos::wasm_split)]
fn people() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(people_page)
}

#[wasm_split(account, fallible, preload(load_account), wasm_split_path = ::leptos::wasm_split)]
fn account() -> Result<fn(AccountPage) -> AnyView, SplitLoaderError> {
    Ok(account_page)
}

/// What builds the view of a page, once its group is loaded.
async fn builder(content: Content) -> Result<ViewFn, SplitLoaderError> {
    Ok(match content {
        Content::Main(page) => ViewFn::from(move || main_page(page)),
        Content::Request => request().await.map(ViewFn::from)?,
        Content::Audit => audit().await.map(ViewFn::from)?,
        Content::Record => record().await.map(ViewFn::from)?,
        Content::People => people().await.map(ViewFn::from)?,
        Content::Account(page) => account().await.map(|build| ViewFn::from(move || build(page)))?,
    })
}

/// A page whose group is loaded first, unless it was loaded before.
#[component]
fn Loaded(content: Content) -> impl IntoView {
    late(
        Box::pin(builder(content)),
        || view! { <main class="page late"><Skeleton shape=Bones::Page /></main> }.into_any(),
        || view! { <PageNotLoaded /> }.into_any(),
    )
}

/// What stands in the place of a page that cannot be loaded. The next visit tries again.
#[component]
fn PageNotLoaded() -> impl IntoView {
    title(|| "Page not loaded".into());
    view! {
        <main class="page">
            <EmptyState title="This page could not be loaded" whole=true>
                <NotLoaded />
            </EmptyState>
        </main>
    }
}
