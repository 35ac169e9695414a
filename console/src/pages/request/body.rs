//! What would run: the arguments, compared with the last call that was approved, and the tool's own words.

use api_types::ReviewedDefinition;
use leptos::{prelude::*, wasm_split::wasm_split};
use serde::Deserialize;

use super::detail::{Detail, part};
use crate::{
    components::{Difference, Late, Loaded, Loading, Said, SaidBlock, Sentence, Show, Time, Tree},
    reactive::{memo, varying},
    shell::Org,
    show::words::{Words, plain},
};

/// Every argument.
#[component]
pub(super) fn Arguments(detail: Detail) -> impl IntoView {
    let org = Org::here();
    let json = part(detail, |detail| detail.arguments_json.clone());
    let before = part(detail, |detail| {
        detail.last_approved.as_ref().map(|call| (call.id, call.approved_at, call.arguments_json.clone()))
    });
    let erased = memo(move || json.with(Option::is_none));
    let redacted = part(detail, |detail| detail.arguments_redacted);
    let now = memo(move || json.get().unwrap_or_default());
    let then = memo(move || before.get().map(|(_, _, json)| json));
    view! {
        <h3>
            "Arguments"
            {varying(move || before.get().filter(|_| !erased.get()).map(|(id, at, _)| view! {
                ", compared with the "
                <a href=format!("/{}/approvals/{id}", org.slug.get_untracked())>"last approved call"</a>
                " (" <Time at /> ")"
            }))}
        </h3>
        <Show when=move || redacted.get()>
            <p class="quiet">"As the record has them, with secrets taken out: the exact ones are erased once the call is over."</p>
        </Show>
        {varying(move || {
            if erased.get() {
                view! { <p class="quiet">"They are not kept any more."</p> }
                    .into_any()
            } else {
                view! { <Tree json=now before=then label="Arguments" /> }.into_any()
            }
        })}
    }
}

/// The tool's words about itself.
#[derive(Default, Deserialize)]
struct Told {
    title: Option<String>,
    description: Option<String>,
}

/// What the tool is, and how that has changed since somebody looked.
#[component]
pub(super) fn Definition(
    detail: Detail,
    /// Becomes true once a change can be seen.
    compares: RwSignal<bool>,
) -> impl IntoView {
    let now = part(detail, |detail| detail.definition.get().to_owned());
    let reviewed = part(detail, |detail| detail.reviewed_definition.as_ref().map(|old| old.get().to_owned()));
    let told = memo(move || {
        let told = now.with(|json| serde_json::from_str::<Told>(json).unwrap_or_default());
        (told.title, told.description)
    });
    view! {
        {varying(move || reviewed.get().map(|old| view! {
            <h3>"The tool has changed since it was reviewed"</h3>
            <Late part=change(old, now, compares) />
            <Reviewed detail />
        }))}
        <details class="about">
            <summary>"What the upstream says of this tool"</summary>
            {varying(move || told.with(|(title, _)| title.clone()).map(|title| view! { <p><b><Said text=title /></b></p> }))}
            {varying(move || match told.with(|(_, description)| description.clone()) {
                Some(description) => view! { <SaidBlock text=description /> }.into_any(),
                None => view! { <p class="quiet">"It has no description."</p> }.into_any(),
            })}
            <Show when=move || reviewed.with(Option::is_none)><Reviewed detail /></Show>
        </details>
    }
}

/// Builds the comparison of two definitions, the old one first.
type Compare = fn(Signal<String>, Signal<String>) -> AnyView;

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn difference() -> Loaded<Compare> {
    Ok(|old, new| view! { <Difference old new /> }.into_any())
}

/// What has changed in the tool, once it is loaded.
fn change(old: String, new: Memo<String>, compares: RwSignal<bool>) -> Loading {
    Box::pin(async move {
        difference().await.map(|build| {
            compares.try_set(true);
            ViewFn::from(move || build(Signal::stored(old.clone()), new.into()))
        })
    })
}

/// Which definitions of the tool were reviewed, by whom and when, and which of them this request is about.
#[component]
fn Reviewed(detail: Detail) -> impl IntoView {
    let list = part(detail, |detail| detail.reviewed.clone());
    let own = part(detail, |detail| detail.approval.definition_sha256.clone());
    let changed = part(detail, |detail| detail.approval.definition_changed);
    let row = move |one: ReviewedDefinition| {
        let is_own = one.sha256 == own.get();
        let by = match (one.by, one.by_email) {
            (_, Some(email)) => Words::of(" by {}", &[&email]),
            (Some(_), None) => " by somebody who is gone".into(),
            (None, None) => ", as the first one seen".into(),
        };
        view! {
            <li>
                <code title=plain(&one.sha256)>{short(&one.sha256)}</code>
                <span><Time at=one.at full=true /> <Sentence words=by /> {is_own.then(|| view! { <b>" · the one of this request"</b> })}</span>
            </li>
        }
    };
    view! {
        <Show when=move || !list.with(Vec::is_empty)>
            <h4>"Reviewed definitions, the last one first"</h4>
            <ul class="reviewed">{varying(move || list.get().into_iter().map(row).collect_view())}</ul>
            <Show when=move || list.with(|list| list.iter().all(|one| one.sha256 != own.get()))>
                <p class="quiet">
                    "This request's definition has the hash " <code>{varying(move || short(&own.get()))}</code>
                    ": none of these." {varying(move || (!changed.get()).then_some(" What differs in nothing but the order of members counts as the same."))}
                </p>
            </Show>
        </Show>
    }
}

/// The beginning of a hash, enough to tell eight apart.
fn short(sha256: &str) -> String {
    plain(&sha256.chars().take(12).collect::<String>())
}
