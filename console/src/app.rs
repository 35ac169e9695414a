//! Which page is where: the router, made from the table of pages (`shell::places`).

mod groups;

use std::sync::Arc;

use leptos::{children::ToChildren, prelude::*, tachys::view::iterators::StaticVec};
use leptos_router::{
    NestedRoute, ParamSegment, PossibleRouteMatch, StaticSegment, WildcardSegment,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    components::{Redirect, RouteChildren, Router, Routes},
    hooks::use_params_map,
};

use crate::{
    api::Api,
    components::{Clock, Presses, Printing, Status, news::News},
    decide::{Decisions, Lost, RejectDialog},
    pages::NotFound,
    shell::{
        Guard, Needs, Shell, Shortcuts, SignInAgain, Theme,
        places::{PAGES, Page, Reach},
    },
};

/// The whole console.
#[component]
pub fn App() -> impl IntoView {
    Clock::provide();
    Printing::provide();
    News::provide();
    Presses::provide();
    Shortcuts::provide();
    Theme::provide();
    Api::provide();
    Decisions::provide();
    groups::load_when_idle();
    view! {
        <Router>
            <Routes fallback=NotFound children=RouteChildren::to_children(routes) />
        </Router>
        <RejectDialog />
        <SignInAgain />
        <Status />
    }
}

/// Every page at its address.
fn routes() -> StaticVec<AnyNestedRoute> {
    let mut of_org = rows(|reach| matches!(reach, Reach::Org(_)));
    of_org.insert(0, route("", || view! { <ToInbox /> }.into_any()));
    of_org.push(route("*any", not_found));
    let mut signed_in = rows(|reach| matches!(reach, Reach::SignedIn));
    signed_in.push(around(":org", || view! { <OrgPages /> }.into_any(), of_org));
    let mut all = rows(|reach| matches!(reach, Reach::Everybody));
    all.push(route("console/components", gallery));
    all.push(around("", || view! { <Guard /> }.into_any(), signed_in));
    all.into()
}

/// The pages of the table that are reached so.
fn rows(reached: fn(&Reach) -> bool) -> Vec<AnyNestedRoute> {
    PAGES.iter().filter(|page| reached(&page.reach)).map(|page| route(page.path, move || shown(page))).collect()
}

/// A page at an address.
fn route(path: &'static str, view: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyNestedRoute {
    let view = ViewFn::from(view);
    NestedRoute::new(segments(path), move || view.run()).into_any_nested_route()
}

/// What stands around pages, whose addresses follow its own.
fn around(path: &'static str, view: fn() -> AnyView, pages: Vec<AnyNestedRoute>) -> AnyNestedRoute {
    NestedRoute::new(segments(path), view).child(StaticVec::from(pages)).into_any_nested_route()
}

type Segments = Arc<dyn PossibleRouteMatch + Send + Sync>;

/// An address as the router has it, of one part or two.
fn segments(path: &'static str) -> Segments {
    match path.split_once('/') {
        Some((first, second)) => Arc::new((segment(first), segment(second))),
        None => segment(path),
    }
}

fn segment(part: &'static str) -> Segments {
    match (part.strip_prefix(':'), part.strip_prefix('*')) {
        (Some(parameter), _) => Arc::new(ParamSegment(parameter)),
        (_, Some(rest)) => Arc::new(WildcardSegment(rest)),
        _ => Arc::new(StaticSegment(part)),
    }
}

/// A page, or why who looks may not see it.
fn shown(page: &'static Page) -> AnyView {
    let content = page.content;
    match &page.reach {
        Reach::Org(access) => view! { <Needs access>{groups::view_of(content)}</Needs> }.into_any(),
        _ => groups::view_of(content),
    }
}

/// The pages of an org, and the news of decisions there that were not sent.
#[component]
fn OrgPages() -> impl IntoView {
    view! {
        <Lost />
        <Shell />
    }
}

/// The overview will stand here; until then, what people come for.
#[component]
fn ToInbox() -> impl IntoView {
    let params = use_params_map();
    let inbox = params.with_untracked(|params| format!("/{}/inbox", params.get("org").unwrap_or_default()));
    view! { <Redirect path=inbox /> }
}

#[cfg(feature = "gallery")]
fn gallery() -> AnyView {
    view! { <crate::pages::Gallery /> }.into_any()
}

#[cfg(not(feature = "gallery"))]
use not_found as gallery;

fn not_found() -> AnyView {
    view! { <NotFound /> }.into_any()
}
