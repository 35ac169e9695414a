//! `/:org/people`: the members of the org with their roles, and the people who are invited.

mod change;
mod invitations;
mod invite;
mod members;
mod remove;
mod rights;
mod room;

use domain::Right;
use leptos::{html, prelude::*};

use self::{
    change::ChangeRole, invitations::Invitations, invite::Invite, members::Members, remove::Remove, room::Room,
};
use super::focus::hand_on;
use crate::{
    api::Api,
    components::Show,
    reactive::{derived, memo},
    shell::{Org, title},
};

#[component]
pub(crate) fn People() -> impl IntoView {
    title(|| "People".into());
    let org = Org::here();
    let api = Api::here();
    let room = Room::new();
    let write = memo(move || org.may(Right::WriteMembers));
    let (members, invitations) = (NodeRef::<html::H2>::new(), NodeRef::<html::H2>::new());
    // Where one was: the row of the person whose role was changed.
    let row = derived(move || room.member.with(|member| member.as_ref().map(|member| row_id(member.id))));
    hand_on(derived(move || room.members.value.with(Option::is_some)), row, members);
    hand_on(derived(move || room.invitations.value.with(Option::is_some)), Signal::stored(None), invitations);
    view! {
        <main class="page people">
            <header><h1>"People"</h1></header>
            <div class="body">
                <Show when=move || write.get()><Invite room /></Show>
                <section class="stack tight">
                    <h2 tabindex="-1" node_ref=members>"Members"</h2>
                    <Show when=move || api.me.with(|me| me.as_ref().is_some_and(|me| me.instance_admin))>
                        <p class="dimmer">"As an administrator of this instance you can open every org. You are listed here only if you are also a member."</p>
                    </Show>
                    <Members room write />
                </section>
                <section class="stack tight">
                    <h2 tabindex="-1" node_ref=invitations>"Pending invitations"</h2>
                    <Invitations room write />
                </section>
            </div>
            <ChangeRole room />
            <Remove room />
        </main>
    }
}

/// The id of a member's row.
fn row_id(member: uuid::Uuid) -> String {
    format!("member-{member}")
}
