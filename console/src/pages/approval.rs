//! `/:org/approvals/:id`: one request on a page of its own, to be linked to.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::request::{Request, SOON};
use crate::{
    components::{Clock, EmptyState, Icon, Shape, Show, Until},
    decide::{Bar, Decisions},
    reactive::{RwSignal, effect_again, memo, varying},
    shell::{Org, title},
    show::words::Words,
};

#[component]
pub(crate) fn Approval() -> impl IntoView {
    let org = Org::here();
    title(move || Words::of("Request · {}", &[&org.slug.get()]));
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("id").and_then(|id| id.parse::<Uuid>().ok())));
    let wants_focus = RwSignal::new(None);
    let decisions = Decisions::here();
    effect_again(move |again| {
        let (taken, undone) = (decisions.taken.get(), decisions.undone.get());
        // The button that was pressed is gone.
        if again && (!taken.is_empty() || undone.is_some()) {
            wants_focus.set(id.get_untracked());
        }
    });
    // When the request ends, while it waits; of one that was read and does not wait: `Some(None)`.
    let ends = RwSignal::new(None::<Option<DateTime<Utc>>>);
    view! {
        <main class="sheet alone">
            <h1 class="sr">"Request"</h1>
            <TopBar ends />
            {varying(move || match id.get() {
                Some(id) => {
                    ends.set(None);
                    let on_read = Callback::new(move |approval: std::sync::Arc<api_types::Approval>| {
                        ends.set(Some((approval.status == "pending").then_some(approval.expires_at)));
                    });
                    view! { <Request id wants_focus on_read /> }.into_any()
                }
                None => view! {
                    <EmptyState title="Request not found">
                        <p>"The address is wrong: it does not name a request."</p>
                    </EmptyState>
                }
                    .into_any(),
            })}
            <Show when=move || id.get().is_some()><Bar /></Show>
        </main>
    }
}

/// The way back, and on a phone the time left.
#[component]
fn TopBar(ends: RwSignal<Option<Option<DateTime<Utc>>>>) -> impl IntoView {
    let (org, now) = (Org::here(), Clock::here());
    let soon = memo(move || ends.get().flatten().is_some_and(|at| at - now.get() < SOON));
    view! {
        <div class=varying(move || if soon.get() { "topbar soon" } else { "topbar" })>
            <a class="btn plain" href=varying(move || format!("/{}/inbox", org.slug.get()))>
                <Icon shape=Shape::Back />
                "Inbox"
            </a>
            {varying(move || ends.get().map(|at| match at {
                Some(at) => view! { <b class="end phone-only"><Until at /></b> }.into_any(),
                None => view! { <b class="end phone-only">"Decided"</b> }.into_any(),
            }))}
        </div>
    }
}
