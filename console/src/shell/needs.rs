//! A page for people who have the right to see it. Everybody else reads, in the page's own words, what the page shows, which
//! right is missing and who can give it; also when the right ends while the page is open.

use leptos::prelude::*;

use super::{Org, places::Access, title};
use crate::{
    components::{EmptyState, Said},
    reactive::{memo, varying},
};

/// Shows the page, or why not.
#[component]
pub fn Needs(
    /// The right, and the page in words.
    access: &'static Access,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let org = Org::here();
    let may = memo(move || org.may(access.right));
    varying(move || if may.get() { children().into_any() } else { view! { <Lacking access /> }.into_any() })
}

#[component]
fn Lacking(access: &'static Access) -> impl IntoView {
    let Access { right, heading, cannot, about, .. } = access;
    title(move || (*heading).into());
    let org = Org::here();
    let role = move || org.mine.with(|mine| mine.as_ref().map(|mine| mine.role.clone())).unwrap_or_default();
    view! {
        <main class="page">
            <header><h1>{*heading}</h1></header>
            <EmptyState title=*cannot>
                <p>{*about}</p>
                <p>
                    "Your role here, " <b>{varying(move || view! { <Said text=role() /> })}</b> ", does not include " <code>{right.as_str()}</code>
                    ". Ask an administrator of this org for a role that does."
                </p>
            </EmptyState>
        </main>
    }
}
