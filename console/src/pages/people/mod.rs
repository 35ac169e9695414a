//! `/:org/people`: who belongs to the org, with which role, and who is invited.

mod change;
mod invitations;
mod invite;
mod members;
mod remove;
mod rights;
mod room;

use domain::Right;
use leptos::prelude::*;

use self::{
    change::ChangeRole, invitations::Invitations, invite::Invite, members::Members, remove::Remove, room::Room,
};
use crate::{
    api::Api,
    components::Show,
    reactive::memo,
    shell::{Org, title},
};

#[component]
pub(crate) fn People() -> impl IntoView {
    title(|| "People".into());
    let org = Org::here();
    let api = Api::here();
    let room = Room::new();
    let write = memo(move || org.may(Right::WriteMembers));
    view! {
        <main class="page people">
            <h1>"People"</h1>
            <Show when=move || write.get()><Invite room /></Show>
            <h2>"Members"</h2>
            <Show when=move || api.me.with(|me| me.as_ref().is_some_and(|me| me.instance_admin))>
                <p class="quiet">"You administer this instance, and so every org: you are not in the list unless you are a member too."</p>
            </Show>
            <Members room write />
            <h2>"Invitations not taken up yet"</h2>
            <Invitations room write />
            <ChangeRole room />
            <Remove room />
        </main>
    }
}
