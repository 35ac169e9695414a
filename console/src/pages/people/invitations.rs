//! The invitations that nobody has accepted yet.

use api_types::Invitation;
use leptos::prelude::*;

use super::room::Room;
use crate::{
    api::of_org,
    components::{Badge, Button, Confirm, Kind, Listing, Said, Seen, Show, Time, Tone, Until},
    reactive::{Memo, RwSignal, derived, memo},
    shell::Org,
    show::words::Words,
};

#[component]
pub(super) fn Invitations(room: Room, write: Memo<bool>) -> impl IntoView {
    let org = Org::here();
    let open = RwSignal::new(false);
    let about = RwSignal::new(None::<Invitation>);
    let email = move || about.with(|about| about.as_ref().map(|about| about.email.clone())).unwrap_or_default();
    let path = derived(move || {
        let id = about.with(|about| about.as_ref().map(|about| about.id)).unwrap_or_default();
        of_org(&org.slug.get(), &format!("/invitations/{id}"))
    });
    let title = derived(move || Words::of("Withdraw the invitation for {}?", &[&email()]));
    let done = derived(move || Words::of("Invitation for {} withdrawn.", &[&email()]));
    let on_done = Callback::new(move |()| room.invitations.again());
    // An invitation has no tag: it is pending, or has been accepted, withdrawn or replaced.
    let gone = memo(move || {
        let id = about.with(|about| about.as_ref().map(|about| about.id));
        let list = room.invitations.value.get();
        list.is_some_and(|list| list.next_cursor.is_none() && !list.items.iter().any(|one| Some(one.id) == id))
    });
    let seen = Seen {
        tag: derived(String::new),
        since: derived(move || {
            let words = "The invitation for {} is no longer pending: it was accepted, withdrawn or replaced.";
            gone.get().then(|| Words::of(words, &[&email()]))
        }),
        gone: gone.into(),
        again: on_done,
    };
    let ask = Callback::new(move |invitation| {
        about.set(Some(invitation));
        open.set(true);
    });
    let row = Callback::new(move |invitation| view! { <Row invitation write ask /> }.into_any());
    let empty = move || {
        let words =
            if write.get() { "None. An invite link you create is listed here until it is used." } else { "None." };
        view! { <p class="dim">{words}</p> }
    };
    let more = Callback::new(|_| view! { <p class="dimmer">"The first 200 are shown; there are more."</p> }.into_any());
    view! {
        <Listing
            read=room.invitations
            caption="Pending invitations"
            columns=&["E-mail", "Role", "Invited by", "Created", "Link", ""]
            row
            empty=ViewFn::from(empty)
            more
        />
        <Confirm open title verb="Withdraw" path done on_done seen>
            <p>"The link stops working immediately. You can invite them again with a new link."</p>
        </Confirm>
    }
}

#[component]
fn Row(invitation: Invitation, write: Memo<bool>, ask: Callback<Invitation>) -> impl IntoView {
    let about = StoredValue::new(invitation.clone());
    let label = Words::of("Withdraw the invitation for {}", &[&invitation.email]);
    let act = Callback::new(move |()| ask.run(about.get_value()));
    view! {
        <tr role="row">
            <td role="cell" class="whom"><b><Said text=invitation.email /></b></td>
            <td role="cell" data-label="Role">
                {match invitation.role {
                    Some(text) => view! { <Said text /> }.into_any(),
                    None => view! { <Badge tone=Tone::Warn>"Role deleted: invite again"</Badge> }.into_any(),
                }}
            </td>
            <td role="cell" data-label="Invited by"><Said text=invitation.invited_by.unwrap_or_else(|| "a former member".to_owned()) /></td>
            <td role="cell" data-label="Created"><Time at=invitation.created_at /></td>
            <td role="cell" data-label="Link"><Until at=invitation.expires_at /></td>
            <td role="cell" class="acts">
                <Show when=move || write.get()>
                    <Button kind=Kind::Quiet label=label.clone() on_press=act>"Withdraw"</Button>
                </Show>
            </td>
        </tr>
    }
}
