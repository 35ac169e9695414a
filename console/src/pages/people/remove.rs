//! Removing a member, after saying what that means.

use api_types::{ApiKey, List};
use domain::Right;
use leptos::prelude::*;

use super::room::Room;
use crate::{
    api::{Api, of_org, read::Read},
    components::{Clock, Confirm, Said, Sentence},
    reactive::{derived, memo, varying},
    shell::Org,
    show::words::Words,
};

/// The dialog.
#[component]
pub(super) fn Remove(room: Room) -> impl IntoView {
    let org = Org::here();
    let api = Api::here();
    let email = memo(move || room.member.with(|member| member.as_ref().map(|member| member.email.clone())));
    let email = move || email.get().unwrap_or_default();
    let own = move || {
        let user = room.member.with(|member| member.as_ref().map(|member| member.user_id));
        api.me.with(|me| me.as_ref().map(|me| me.id)) == user
    };
    let path = derived(move || {
        let id = room.member.with(|member| member.as_ref().map(|member| member.id)).unwrap_or_default();
        of_org(&org.slug.get(), &format!("/members/{id}"))
    });
    let title = derived(move || Words::of("Remove {} from {}?", &[&email(), &org.slug.get()]));
    let done = derived(move || Words::of("{} was removed from {}.", &[&email(), &org.slug.get()]));
    let on_done = Callback::new(move |()| {
        if own() {
            // A full load: nothing of this org stays in the page.
            let _ = window().location().set_href("/");
        } else {
            room.members.again();
        }
    });
    view! {
        <Confirm open=room.removing title verb="Remove" path done on_done seen=room.seen(org)>
            <ul class="bullets">
                <li>
                    {varying(move || if own() { "You lose" } else { "They lose" })}
                    " access to " <b>{varying(move || view! { <Said text=org.slug.get() /> })}</b> " immediately. "
                    {varying(move || if own() { "You keep your account and your other orgs." } else { "They keep their account and their other orgs." })}
                </li>
                <li>{varying(move || if own() { "Your decisions and actions stay on record under your name." } else { "Their decisions and actions stay on record under their name." })}</li>
                <Keys room />
            </ul>
        </Confirm>
    }
}

/// The keys that the member owns, as far as one may see keys.
#[component]
fn Keys(room: Room) -> impl IntoView {
    let org = Org::here();
    let now = Clock::here();
    let keys = Read::<List<ApiKey>>::new(move || {
        org.may(Right::ReadKeys).then(|| of_org(&org.slug.get(), "/api-keys?limit=200"))
    });
    let works = move |key: &ApiKey| {
        key.revoked_at.is_none() && key.expires_at.is_none_or(|expires| expires > now.get_untracked())
    };
    let owned = move || {
        let user = room.member.with(|member| member.as_ref().map(|member| member.user_id));
        let keys = keys.value.get()?;
        let names: Vec<String> = keys
            .items
            .iter()
            .filter(|key| Some(key.owner.id) == user && works(key))
            .map(|key| key.name.clone())
            .collect();
        (!names.is_empty()).then_some(names)
    };
    varying(move || {
        match owned() {
        Some(names) => {
            let (count, names) = (names.len(), listed(&names));
            let keys = if count == 1 { " active API key is revoked: " } else { " active API keys are revoked: " };
            view! { <li>{count} {keys} <Sentence words=names /> "."</li> }.into_any()
        }
        None => {
            view! { <li>"API keys they own are revoked, and secrets they created on other people's keys stop working."</li> }
                .into_any()
        }
    }
    })
}

/// Names with commas between them. Each name is a part of its own, so that none changes how its neighbours are read.
fn listed(names: &[String]) -> Words {
    names.iter().enumerate().fold(Words::default(), |words, (at, name)| {
        let words = if at == 0 { words } else { words.and(", ") };
        words.and(Words::theirs(name))
    })
}
