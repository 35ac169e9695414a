//! The tool in its server's words, how it has changed since somebody reviewed it, and who calls it.

use api_types::ReviewedDefinition;
use leptos::{prelude::*, wasm_split::wasm_split};
use serde::Deserialize;

use super::{
    claims,
    detail::{Detail, part},
    notes::loud,
    words,
};
use crate::{
    components::{
        Difference, Late, Loaded, Loading, Printing, Said, SaidBlock, Sentence, Shape, Show, Time, local_time,
    },
    reactive::{Memo, RwSignal, memo, varying},
    show::words::{Words, plain},
};

/// The tool's words about itself.
#[derive(Default, Deserialize)]
struct Told {
    title: Option<String>,
    description: Option<String>,
}

/// What has changed in the tool; nothing where nothing has.
#[component]
pub(super) fn Change(
    detail: Detail,
    /// Becomes true once the change can be seen.
    compares: RwSignal<bool>,
) -> impl IntoView {
    let now = part(detail, |detail| detail.definition.get().to_owned());
    let reviewed = part(detail, |detail| detail.reviewed_definition.as_ref().map(|old| old.get().to_owned()));
    let waits = part(detail, |detail| detail.approval.status == "pending");
    varying(move || {
        reviewed.get().map(|old| view! {
        <Show when=move || waits.get()>
            {loud(
                false,
                Shape::Change,
                "The server changed this tool".into_any(),
                view! {
                    "Nobody has reviewed the new definition yet. Approving runs this one call; it does not accept the change. "
                    <a href="/api/docs">"Review it over the API"</a>
                }
                .into_any(),
            )}
        </Show>
        <section class="stack tight">
            <h3>"What changed in the tool"</h3>
            <Late part=change(detail, old, now, compares) />
        </section>
    })
    })
}

/// Builds the comparison of two definitions, the old one first, and the list of those that were reviewed.
type Compare = fn(Detail, Signal<String>, Signal<String>) -> AnyView;

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn difference() -> Loaded<Compare> {
    Ok(|detail, old, new| view! { <Difference old new /><Reviewed detail /> }.into_any())
}

/// What has changed in the tool, once it is loaded.
fn change(detail: Detail, old: String, new: Memo<String>, compares: RwSignal<bool>) -> Loading {
    Box::pin(async move {
        difference().await.map(|build| {
            compares.try_set(true);
            ViewFn::from(move || build(detail, Signal::stored(old.clone()), new.into()))
        })
    })
}

/// What is seldom asked.
#[component]
pub(super) fn About(detail: Detail) -> impl IntoView {
    let printing = Printing::here();
    let open = RwSignal::new(false);
    // What is folded away is loaded when somebody asks for it, and stays then.
    let ask = move |_| open.set(true);
    let part = move || async move { asked().await.map(|build| ViewFn::from(move || build(detail))) };
    view! {
        <details class="about">
            <summary on:click=ask>"Tool description and caller"</summary>
            <Show when=move || open.get() || printing.get()><Late part=Box::pin(part()) /></Show>
        </details>
    }
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn asked() -> Loaded<fn(Detail) -> AnyView> {
    Ok(|detail| view! { <Asked detail /> }.into_any())
}

/// The description, the key and the client, the server's claims, the reviewed definitions.
#[component]
fn Asked(detail: Detail) -> impl IntoView {
    let definition = part(detail, |detail| detail.definition.get().to_owned());
    let told =
        memo(move || definition.with(|json| serde_json::from_str::<Told>(json).unwrap_or_default().into_parts()));
    let unchanged = part(detail, |detail| detail.reviewed_definition.is_none());
    let expires = part(detail, |detail| detail.approval.expires_at);
    let approval = detail.with_untracked(|detail| detail.approval.clone());
    let said = claims::hints(&approval.hints);
    let role = words::role(&approval.rule).map(str::to_owned);
    view! {
        <div class="stack">
                {varying(move || told.with(|(title, _)| title.clone()).map(|title| view! { <p><b><Said text=title /></b></p> }))}
                {varying(move || match told.with(|(_, description)| description.clone()) {
                    Some(description) => view! { <SaidBlock text=description /> }.into_any(),
                    None => view! { <p class="dimmer">"This tool has no description."</p> }.into_any(),
                })}
                <dl class="facts">
                    {approval.caller_prefix.map(|prefix| view! { <dt>"Key"</dt><dd><span class="v"><Said text=prefix />"…"</span>{role.map(|text| view! { ", role "<Said text /> })}</dd> })}
                    {approval.client.map(|client| view! { <dt>"Client (self-reported)"</dt><dd><Said text=client /></dd> })}
                    {(!said.is_empty()).then(|| view! { <dt>"Server says"</dt><dd>{said}</dd> })}
                    <dt>"Requested"</dt><dd><Time at=approval.created_at full=true /></dd>
                    <dt>"Expires"</dt><dd>{varying(move || local_time(expires.get()))}</dd>
                </dl>
                <Show when=move || unchanged.get()><Reviewed detail /></Show>
        </div>
    }
}

impl Told {
    fn into_parts(self) -> (Option<String>, Option<String>) {
        (self.title, self.description)
    }
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
            (Some(_), None) => " by a former member".into(),
            (None, None) => ", accepted when first seen".into(),
        };
        view! {
            <li>
                <code title=plain(&one.sha256)>{short(&one.sha256)}</code>
                " "<span class="dim"><Time at=one.at full=true /><Sentence words=by /></span>
                {is_own.then_some(" · used by this request")}
            </li>
        }
    };
    view! {
        <Show when=move || !list.with(Vec::is_empty)>
            <div class="stack tight">
                <h4>"Reviewed definitions, newest first"</h4>
                <ul class="stack tight">{varying(move || list.get().into_iter().map(row).collect_view())}</ul>
                <Show when=move || list.with(|list| list.iter().all(|one| one.sha256 != own.get()))>
                    <p class="dimmer">
                        "The definition of this request, " <code>{varying(move || short(&own.get()))}</code>
                        ", is none of these." {varying(move || (!changed.get()).then_some(" Definitions that differ only in the order of members count as the same."))}
                    </p>
                </Show>
            </div>
        </Show>
    }
}

/// The beginning of a hash, enough to tell eight apart.
fn short(sha256: &str) -> String {
    plain(&sha256.chars().take(12).collect::<String>())
}
