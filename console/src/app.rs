//! Which room is where: every route of the console on one page.

use leptos::prelude::*;
use leptos_router::{
    components::{ParentRoute, Redirect, Route, Router, Routes},
    hooks::use_params_map,
    path,
};

use crate::{
    api::Api,
    components::{
        Clock, Presses, Printing,
        toast::{ToastList, Toasts},
    },
    decide::{Decisions, Lost, RejectDialog},
    pages::{Approval, AuditList, AuditRecord, FirstOrg, Inbox, Invite, Me, NotFound, People, SignIn},
    shell::{Guard, Shell, Shortcuts, SignInAgain, Theme},
};

/// The whole console.
#[component]
pub fn App() -> impl IntoView {
    Clock::provide();
    Printing::provide();
    Toasts::provide();
    Presses::provide();
    Shortcuts::provide();
    Theme::provide();
    Api::provide();
    Decisions::provide();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/login") view=SignIn />
                <Route path=path!("/invite") view=Invite />
                <Route path=path!("/console/components") view=gallery />
                <ParentRoute path=path!("/") view=Guard>
                    <Route path=path!("") view=FirstOrg />
                    <Route path=path!("me") view=Me />
                    <ParentRoute path=path!(":org") view=OrgRooms>
                        <Route path=path!("") view=ToInbox />
                        <Route path=path!("inbox") view=Inbox />
                        <Route path=path!("approvals/:id") view=Approval />
                        <Route path=path!("audit") view=AuditList />
                        <Route path=path!("audit/:id") view=AuditRecord />
                        <Route path=path!("people") view=People />
                        <Route path=path!("*any") view=NotFound />
                    </ParentRoute>
                </ParentRoute>
            </Routes>
        </Router>
        <RejectDialog />
        <SignInAgain />
        <ToastList />
    }
}

/// The rooms of an org, and the news of decisions there that were not sent.
#[component]
fn OrgRooms() -> impl IntoView {
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
fn gallery() -> AnyView {
    view! { <NotFound /> }.into_any()
}
