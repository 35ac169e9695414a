//! Navigation beside every page of an org, and the org's event stream under it.

use domain::Right;
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    components::{A, Outlet},
    hooks::{use_location, use_navigate},
};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    Help, Org, ThemePicker, Waiting,
    places::{Access, Navigation, PAGES, Reach},
    title,
};
use crate::{
    api::{Api, live::Live},
    components::{Button, EmptyState, Icon, Kind, Said, Shape, Show, Tone, toast::Toasts},
    reactive::{memo, varying},
    show::words::{Words, plain},
};

/// An org's pages, with what stands around them.
#[component]
pub fn Shell() -> impl IntoView {
    let org = Org::provide();
    // What the event stream needs one of.
    let follows = [Right::ReadApprovals, Right::ReadAudit, Right::ReadConnections];
    let live = Live::provide(memo(move || follows.iter().any(|right| org.may(*right)).then(|| org.slug.get())));
    Waiting::provide(org, live);
    let known = memo(move || org.mine.with(Option::is_some));
    let open = RwSignal::new(false);
    let help = RwSignal::new(false);
    let path = use_location().pathname;
    // The menu of narrow screens closes when one has gone somewhere, and reading begins at the new page.
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        open.set(false);
        if before.is_some_and(|before| before != now) {
            focus_content();
        }
        now
    });
    view! {
        <a class="skip" href="#content">"Skip to the content"</a>
        <div class="app">
            <header class="top">
                <Button kind=Kind::Quiet label="Menu" on_press=Callback::new(move |()| open.update(|open| *open = !*open))>
                    <Icon shape=Shape::Menu />
                </Button>
                <b>"Permesso"</b>
                <span class="quiet"><OrgName /></span>
            </header>
            <nav aria-label="Main" class=varying(move || if open.get() { "main open" } else { "main" })>
                <Brand />
                <Show when=move || known.get()>
                    <Places />
                </Show>
                <Foot help />
            </nav>
            <div class="content" id="content" tabindex="-1">
                <div role="status">
                    <Show when=move || !live.connected.get()>
                        <p class="offline">"Not connected. What you see may be old; this page goes on by itself once Permesso is back."</p>
                    </Show>
                </div>
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

/// The org as the address has it, whatever stands there.
#[component]
fn OrgName() -> impl IntoView {
    let org = Org::here();
    varying(move || view! { <Said text=org.slug.get() /> })
}

#[component]
fn NoSuchOrg() -> impl IntoView {
    title(|| "No such org".into());
    view! {
        <main class="page">
            <EmptyState title="There is no such org, or it is not yours" whole=true>
                <p>"Ask for an invitation, or " <a href="/">"go to one of yours"</a> "."</p>
            </EmptyState>
        </main>
    }
}

/// The name at the top, and the org: a choice for who belongs to several.
#[component]
fn Brand() -> impl IntoView {
    let api = Api::here();
    let org = Org::here();
    let navigate = use_navigate();
    let others = memo(move || {
        let me = api.me.get();
        me.map(|me| me.orgs.iter().map(|org| org.slug.clone()).collect::<Vec<_>>()).unwrap_or_default()
    });
    let go = move |slug: String| navigate(&format!("/{slug}/inbox"), NavigateOptions::default());
    view! {
        <div class="brand">
            <A href=move || format!("/{}/inbox", org.slug.get())>"Permesso"</A>
            {varying(move || {
                let slugs = others.get();
                let go = go.clone();
                if slugs.len() < 2 && slugs.contains(&org.slug.get()) {
                    return view! { <span><OrgName /></span> }.into_any();
                }
                view! {
                    <select aria-label="Org" on:change:target=move |event| go(event.target().value())>
                        {(!slugs.contains(&org.slug.get())).then(|| view! { <option selected=true>{plain(&org.slug.get())}</option> })}
                        {slugs
                            .into_iter()
                            .map(|slug| {
                                let here = slug == org.slug.get();
                                view! { <option value=slug.clone() selected=here>{plain(&slug)}</option> }
                            })
                            .collect_view()}
                    </select>
                }
                    .into_any()
            })}
        </div>
    }
}

/// Where one can go, by one's rights.
#[component]
fn Places() -> impl IntoView {
    let org = Org::here();
    let listed = PAGES.iter().filter_map(|page| match &page.reach {
        Reach::Org(access) if access.navigation != Navigation::No => Some((page.path, access)),
        _ => None,
    });
    let link = move |(path, access): (&'static str, &'static Access)| {
        let Access { right, heading, navigation, .. } = access;
        let may = memo(move || org.may(*right));
        varying(move || {
            may.get().then(|| {
                view! {
                    <A href=move || format!("/{}/{path}", org.slug.get())>{*heading} {(*navigation == Navigation::Counting).then(|| view! { <Count /> })}</A>
                }
            })
        })
    };
    listed.map(link).collect_view()
}

/// How many requests wait, as long as some do.
#[component]
fn Count() -> impl IntoView {
    let waiting = Waiting::here();
    varying(move || {
        let count = Some(waiting.count.get()).filter(|count| *count > 0)?;
        Some(view! {
            <span class="count">
                {count}
                <span class="visually-hidden">" waiting"</span>
            </span>
        })
    })
}

/// Who is signed in, theme, keys, the way out.
#[component]
fn Foot(help: RwSignal<bool>) -> impl IntoView {
    let api = Api::here();
    let toasts = Toasts::here();
    let name = move || api.me.with(|me| me.as_ref().and_then(|me| me.email.clone())).unwrap_or_default();
    let leave = Callback::new(move |()| {
        spawn_local(async move {
            match api.sign_out().await {
                // A full reload: nothing of this person stays in the page.
                Ok(()) => {
                    let _ = window().location().set_href("/login");
                }
                Err(failure) => toasts.say(Tone::Bad, Words::of("You are still signed in. {}", &[&failure.message()])),
            }
        });
    });
    view! {
        <div class="foot">
            <A href="/me">{varying(move || view! { <Said text=name() /> })}</A>
            <ThemePicker />
            <div class="foot-row">
                <span class="keys-only">
                    <Button kind=Kind::Quiet key="?" on_press=Callback::new(move |()| help.set(true))>"Keys"</Button>
                </span>
                <Button kind=Kind::Quiet on_press=leave>"Sign out"</Button>
            </div>
        </div>
    }
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
