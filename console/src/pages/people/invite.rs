//! Inviting a person: the form, and the link that is shown once.

use api_types::{CreateInvitation, CreatedInvitation};
use leptos::prelude::*;

use super::{
    rights,
    room::{Room, options},
};
use crate::{
    api::{Api, Failure, of_org},
    components::{Button, Choice, Failed, Field, Form, Icon, Kind, Said, SecretOnce, Sending, Shape, Until},
    reactive::{RwSignal, derived, varying},
    shell::Org,
};

#[component]
pub(super) fn Invite(room: Room) -> impl IntoView {
    let made = RwSignal::new(None::<CreatedInvitation>);
    view! {
        <section class="panel" aria-labelledby="invite">
            <header>
                <Icon shape=Shape::People />
                <h2 id="invite">"Invite someone"</h2>
                <span class="dim">"You get a link to send to them."</span>
            </header>
            <div class="in-p stack">
                <Offer room made />
                <div role="status">{varying(move || made.get().map(|created| view! { <Link created made /> }))}</div>
            </div>
        </section>
    }
}

#[component]
fn Offer(room: Room, made: RwSignal<Option<CreatedInvitation>>) -> impl IntoView {
    let org = Org::here();
    let api = Api::here();
    let email = RwSignal::new(String::new());
    let role = RwSignal::new("member".to_owned());
    let sending = Sending::idle();
    let roles = derived(move || options(&room.to_give(org)));
    let may = move || {
        let given = room.to_give(org);
        let chosen = given.iter().find(|given| role.with(|role| given.name == *role));
        chosen.map(|role| format!("This role can {}.", rights::sentence(&role.rights)))
    };
    let submit = Callback::new(move |()| {
        made.set(None);
        let path = of_org(&org.slug.get_untracked(), "/invitations");
        let new = CreateInvitation { email: email.get_untracked().trim().to_owned(), role: role.get_untracked() };
        sending.send(async move {
            made.try_set(Some(api.post(&path, &new).await?));
            email.try_set(String::new());
            room.invitations.again();
            Ok(())
        });
    });
    let advice = |failure: &Failure| {
        (failure.code() == Some("member_exists")).then_some("Change their role in the list of members.")
    };
    view! {
        <Form class="invite" on_submit=submit>
            <Field label="E-mail" kind="email" value=email wrong=sending.wrong("email") />
            <Choice label="Role" value=role options=roles />
            <Button kind=Kind::Primary submit=true busy=sending.busy disabled=derived(move || email.with(|email| email.trim().is_empty()))>
                "Create invite link"
            </Button>
        </Form>
        <p class="dimmer">{varying(move || may().map(|text| view! { <Said text /> }))}</p>
        {varying(move || sending.rest(&["email"]).map(|failure| view! { <Failed advice=advice(&failure) failure /> }))}
    }
}

/// The link and what to do with it; gone once one says so.
#[component]
fn Link(created: CreatedInvitation, made: RwSignal<Option<CreatedInvitation>>) -> impl IntoView {
    let lead = view! {
        <b>"Send this link to " <Said text=created.invitation.email /></b>
        " privately. Permesso does not e-mail it."
    };
    let lead = lead.into_any();
    view! {
        <SecretOnce what="the link" secret=created.url lead on_done=Callback::new(move |()| made.set(None))>
            "Anyone with the link can join, once · " <Until at=created.invitation.expires_at /> " · It is not shown again. If it is lost, invite them again: that replaces it."
        </SecretOnce>
    }
}
