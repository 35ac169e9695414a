//! A change that the server refuses: what it would stop or narrow elsewhere, as the server names it. Pressing once more
//! is the consent.

use api_types::{Affected, Problem};
use leptos::prelude::*;

use super::{Failed, Fresh, Icon, Said, Shape, presses::READ};
use crate::{api::Failure, reactive::RwSignal};

/// Whether the server asks for consent to what it named.
pub fn is_asked(failure: &Option<Failure>) -> bool {
    failure.as_ref().is_some_and(needs)
}

fn needs(failure: &Failure) -> bool {
    failure.problem().is_some_and(|problem| problem.status == 409 && !problem.affected.is_empty())
}

/// What is sent with the consent, after the path.
pub fn query(force: bool) -> &'static str {
    if force { "?force=true" } else { "" }
}

/// What was refused, and the button that then means consent: it counts once there was time to read what it is to.
#[derive(Clone, Copy)]
pub struct Consent {
    failure: RwSignal<Option<Failure>>,
    /// For the button.
    pub fresh: Fresh,
}

impl Consent {
    /// For a change of which the last refusal is in `failure`.
    pub fn new(failure: RwSignal<Option<Failure>>) -> Self {
        Self { failure, fresh: Fresh::new(READ) }
    }

    /// The change was refused. The dialog may be gone by now.
    pub fn refused(self, failure: Failure) {
        if self.failure.is_disposed() {
            return;
        }
        if needs(&failure) {
            self.fresh.renew();
        }
        self.failure.set(Some(failure));
    }
}

/// Why a change was refused. Where it needs consent: what it would stop or narrow elsewhere, and that a second press is it.
#[component]
pub fn Refused(
    /// The refusal.
    failure: Failure,
) -> impl IntoView {
    match failure.problem().filter(|_| needs(&failure)) {
        Some(problem) => view! { <Asks problem=problem.clone() /> }.into_any(),
        None => {
            let advice = match failure.code() {
                Some("last_admin") => Some("An org must keep at least one administrator."),
                Some("changed_since") => Some("Press again to apply this to the current version."),
                _ => None,
            };
            view! { <Failed advice failure /> }.into_any()
        }
    }
}

#[component]
fn Asks(problem: Problem) -> impl IntoView {
    // What a program would send is nothing to a person, who presses a button.
    let said = problem.detail.split("; with `?force=true`").next().unwrap_or_default().to_owned();
    let row = |one: Affected| {
        let kind = one.kind.replace('_', " ").replace("api ", "API ");
        view! { <li>{kind} " " <b><Said text=one.name /></b> ": " <Said text=one.effect /></li> }
    };
    let rows = problem.affected.into_iter().map(row).collect_view();
    let more = problem.more.then(|| view! { <li>"and more that are not listed here"</li> });
    view! {
        <div class="loud" role="alert">
            <Icon shape=Shape::Warning />
            <b><Said text=said />"."</b>
            <ul class="bullets">{rows} {more}</ul>
            <span>"Press again to do it anyway."</span>
        </div>
    }
}
