//! The frame around every page of an org: navigation beside it, or below it on a phone, and the org's event stream under it.

use domain::Right;
use leptos::{
    ev::{FocusEvent, KeyboardEvent},
    html,
    prelude::*,
};
use leptos_router::{components::Outlet, hooks::use_location};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::{
    Help, Org, Waiting,
    account::Account,
    orgs::OrgChooser,
    places::{Access, Navigation, PAGES, Reach, Section, is_in},
    title,
};
use crate::{
    api::live::Live,
    components::{EmptyState, Icon, Mark, Shape, Show},
    reactive::{Memo, RwSignal, effect_after, memo, varying},
};

/// An org's pages, with what stands around them.
#[component]
pub fn Shell() -> impl IntoView {
    let org = Org::provide();
    // What the event stream needs one of.
    let follows = [Right::ReadApprovals, Right::ReadAudit, Right::ReadConnections];
    let live = Live::provide(memo(move || follows.iter().any(|right| org.may(*right)).then(|| org.slug.get())));
    Waiting::provide(org, live);
    let known = memo(move || org.mine.with(|mine| mine.is_some()));
    let open = RwSignal::new(false);
    let help = RwSignal::new(false);
    let path = use_location().pathname;
    // Navigation that lies over the page closes when one has gone somewhere, and reading begins at the new page.
    effect_after(move |before: Option<String>| {
        let now = path.get();
        open.set(false);
        if before.is_some_and(|before| before != now) {
            focus_content();
        }
        now
    });
    view! {
        <a class="skip" href="#content">"Skip to content"</a>
        <div class=varying(move || if live.connected.get() { "app" } else { "app off" })>
            <Main open known help />
            <div class="connection" role="status">
                <Show when=move || !live.connected.get()>
                    <p class="offline">
                        <Icon shape=Shape::Warning />
                        <span>"Not connected. This page may be out of date; it reconnects automatically."</span>
                    </p>
                </Show>
            </div>
            <div class="content" id="content" tabindex="-1">
                {varying(move || {
                    if known.get() {
                        view! { <Outlet /> }.into_any()
                    } else {
                        view! { <NoSuchOrg /> }.into_any()
                    }
                })}
            </div>
        </div>
        <Help open=help />
    }
}

#[component]
fn NoSuchOrg() -> impl IntoView {
    title(|| "Org not found".into());
    view! {
        <main class="page">
            <EmptyState title="This org does not exist, or you are not a member" whole=true>
                <p>"Ask for an invitation, or " <a href="/">"go to one of your orgs"</a> "."</p>
            </EmptyState>
        </main>
    }
}

/// The navigation. Where there is no room for all of it, "More" opens it over the page.
#[component]
fn Main(open: RwSignal<bool>, known: Memo<bool>, help: RwSignal<bool>) -> impl IntoView {
    let org = Org::here();
    let (nav, more) = (NodeRef::<html::Nav>::new(), NodeRef::<html::Button>::new());
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        // What has come up stands before the button: reading begins at its beginning.
        if let Some(nav) = nav.get_untracked().filter(|_| open.get_untracked()) {
            let _ = nav.focus();
        }
    };
    let close = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            open.set(false);
            if let Some(more) = more.get_untracked() {
                let _ = more.focus();
            }
        }
    };
    let left = move |event: FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<Node>().ok());
        if to.is_some_and(|to| nav.get_untracked().is_some_and(|nav| !nav.contains(Some(&to)))) {
            open.set(false);
        }
    };
    view! {
        <Show when=move || open.get()>
            <div class="shade" on:click=move |_| open.set(false)></div>
        </Show>
        <nav
            node_ref=nav
            id="navigation"
            aria-label="Main"
            tabindex="-1"
            class=varying(move || if open.get() { "nav open" } else { "nav" })
            on:keydown=close
            on:focusout=left
        >
            <a class="brand" href=move || format!("/{}/inbox", org.slug.get())><Mark /><span>"Permesso"</span></a>
            <OrgChooser />
            <Show when=move || known.get()>
                {Section::ALL.map(|section| links(section, open)).collect_view()}
            </Show>
            <Account help />
            <button
                type="button"
                class="to more"
                node_ref=more
                aria-controls="navigation"
                aria-expanded=varying(move || open.get().to_string())
                on:click=toggle
            >
                {varying(move || view! { <Icon shape=if open.get() { Shape::Cross } else { Shape::More } /> })}
                <span class="t">{varying(move || if open.get() { "Close" } else { "More" })}</span>
            </button>
        </nav>
    }
}

/// Where one can go, by one's rights: the links of a section, under its heading.
fn links(section: Section, open: RwSignal<bool>) -> AnyView {
    let org = Org::here();
    let of_section = PAGES.iter().filter_map(|page| match &page.reach {
        Reach::Org(access) if access.navigation.section() == Some(section) => Some((page.path, access)),
        _ => None,
    });
    let pages: Vec<_> = of_section.collect();
    let rights: Vec<Right> = pages.iter().map(|(_, access)| access.right).collect();
    let some = memo(move || rights.iter().any(|right| org.may(*right)));
    let heading = section.heading();
    view! {
        {varying(move || heading.filter(|_| some.get()).map(|heading| view! { <p class="group">{heading}</p> }.into_any()))}
        {pages.into_iter().map(|(path, access)| link(path, access, open)).collect_view()}
    }
    .into_any()
}

fn link(path: &'static str, access: &'static Access, open: RwSignal<bool>) -> AnyView {
    let org = Org::here();
    let at = use_location().pathname;
    let Access { right, heading, icon, navigation, .. } = access;
    let label = *heading;
    let may = memo(move || org.may(*right));
    let here = memo(move || at.with(|at| is_in(at, path)));
    let class = if navigation.section() == Some(Section::Daily) { "to" } else { "to minor" };
    varying(move || {
        may.get().then(|| {
            view! {
                <a
                    class=class
                    href=move || format!("/{}/{path}", org.slug.get())
                    title=label
                    aria-current=varying(move || here.get().then_some("page"))
                    on:click=move |_| open.set(false)
                >
                    <Icon shape=*icon />
                    <span class="t">{label}</span>
                    {(*navigation == Navigation::Counting).then(|| view! { <Count /> })}
                </a>
            }
        })
    })
    .into_any()
}

/// How many requests wait, as long as some do.
#[component]
fn Count() -> impl IntoView {
    let waiting = Waiting::here();
    varying(move || {
        let count = Some(waiting.count.get()).filter(|count| *count > 0)?;
        Some(view! {
            <span class="n">
                {count}
                <span class="sr">" waiting"</span>
            </span>
        })
    })
}

/// Brings the focus to the page, unless something in it has it already.
fn focus_content() {
    let Some(content) = document().get_element_by_id("content") else { return };
    let inside = document().active_element().is_some_and(|active| content.contains(Some(&active)));
    if let (false, Ok(content)) = (inside, content.dyn_into::<HtmlElement>()) {
        // An element that cannot take the focus leaves it where it is.
        let _ = content.focus();
    }
}
