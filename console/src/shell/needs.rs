//! A page for who has the right to see it. Everybody else reads, in the page's own words, what it shows, which
//! right is missing and who can give it; also when the right ends while the page is open.

use domain::Right;
use leptos::prelude::*;

use super::{Org, title};
use crate::{
    components::{EmptyState, Said},
    reactive::memo,
};

/// Shows the page, or why not.
#[component]
pub fn Needs(
    /// The right to see the page.
    right: Right,
    /// The page's name, as navigation has it.
    page: &'static str,
    /// What one cannot do: "You may not see requests here".
    cannot: &'static str,
    /// What the page shows to others, as a sentence.
    about: &'static str,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let org = Org::here();
    let may = memo(move || org.may(right));
    move || {
        if may.get() { children().into_any() } else { view! { <Lacking right page cannot about /> }.into_any() }
    }
}

#[component]
fn Lacking(right: Right, page: &'static str, cannot: &'static str, about: &'static str) -> impl IntoView {
    title(move || page.into());
    let org = Org::here();
    let role = move || org.mine.with(|mine| mine.as_ref().map(|mine| mine.role.clone())).unwrap_or_default();
    view! {
        <main class="page">
            <h1>{page}</h1>
            <EmptyState title=cannot>
                <p>{about}</p>
                <p>
                    "Your role here, " <b>{move || view! { <Said text=role() /> }}</b> ", lacks the right " <code>{right.as_str()}</code>
                    ". An administrator of this org can give you a role that has it."
                </p>
            </EmptyState>
        </main>
    }
}
