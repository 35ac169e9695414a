//! Who belongs to the org.

use api_types::Member;
use leptos::prelude::*;

use super::room::Room;
use crate::{
    api::{Api, encoded},
    components::{Badge, Button, Kind, Listing, Said, Show, Time},
    shell::Org,
    show::words::Words,
};

#[component]
pub(super) fn Members(room: Room, write: Memo<bool>) -> impl IntoView {
    let row = Callback::new(move |member| view! { <Row member room write /> }.into_any());
    let more = Callback::new(|cursor| view! { <More cursor /> }.into_any());
    view! { <Listing read=room.members caption="Members" columns=&["Who", "Role", "Since", ""] row more /> }
}

#[component]
fn More(cursor: String) -> impl IntoView {
    let org = Org::here();
    let to = move || format!("/{}/people?cursor={}", org.slug.get(), encoded(&cursor));
    view! { <p><a class="btn" href=to>"More members"</a></p> }
}

#[component]
fn Row(member: Member, room: Room, write: Memo<bool>) -> impl IntoView {
    let api = Api::here();
    let own = api.me.with_untracked(|me| me.as_ref().is_some_and(|me| me.id == member.user_id));
    let about = StoredValue::new(member.clone());
    let ask = move |dialog: RwSignal<bool>| {
        Callback::new(move |()| {
            room.member.set(Some(about.get_value()));
            dialog.set(true);
        })
    };
    // One person's name may be another's e-mail: the e-mail is who they are.
    let name = (member.name != member.email).then(|| member.name.clone());
    let change = Words::of("Change role of {}", &[&member.email]);
    let remove = Words::of("Remove {}", &[&member.email]);
    view! {
        <tr>
            <td data-label="Who">
                <span class="stacked">
                    <span><Said text=member.email /> " " {own.then(|| view! { <Badge>"you"</Badge> })}</span>
                    <span class="quiet">{name.map(|text| view! { <Said text /> })}</span>
                </span>
            </td>
            <td data-label="Role"><Said text=member.role /></td>
            <td data-label="Since"><Time at=member.created_at full=true /></td>
            <td class="row-acts">
                <Show when=move || write.get()>
                    <Button kind=Kind::Quiet label=change.clone() on_press=ask(room.changing)>"Change role"</Button>
                    <Button kind=Kind::Quiet label=remove.clone() on_press=ask(room.removing)>"Remove"</Button>
                </Show>
            </td>
        </tr>
    }
}
