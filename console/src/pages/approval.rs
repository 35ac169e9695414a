//! `/:org/approvals/:id`: one request on a page of its own, to be linked to.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::request::Request;
use crate::{
    components::{EmptyState, Icon, Shape, Show},
    decide::{Bar, Decisions},
    reactive::{effect_again, memo, varying},
    shell::{Org, title},
    show::words::Words,
};

#[component]
pub(crate) fn Approval() -> impl IntoView {
    let org = Org::here();
    title(move || Words::of("A request · {}", &[&org.slug.get()]));
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("id").and_then(|id| id.parse::<Uuid>().ok())));
    let wants_focus = RwSignal::new(None);
    let decisions = Decisions::here();
    effect_again(move |again| {
        let (taken, undone) = (decisions.taken.get(), decisions.undone.get());
        // The button that was pressed is gone.
        if again && (taken.is_some() || undone.is_some()) {
            wants_focus.set(id.get_untracked());
        }
    });
    view! {
        <main class="alone">
            <h1 class="visually-hidden">"A request"</h1>
            <a class="btn quiet back" href=varying(move || format!("/{}/inbox", org.slug.get()))>
                <Icon shape=Shape::Back />
                "All requests"
            </a>
            {varying(move || match id.get() {
                Some(id) => view! { <Request id wants_focus /> }.into_any(),
                None => view! {
                    <EmptyState title="There is no such request">
                        <p>"The address was mistyped: it does not name a request."</p>
                    </EmptyState>
                }
                    .into_any(),
            })}
            <Show when=move || id.get().is_some()><Bar /></Show>
        </main>
    }
}
