//! The members of the org.

use api_types::Member;
use leptos::prelude::*;

use super::{room::Room, row_id};
use crate::{
    api::{Api, encoded},
    components::{Button, Face, Icon, Kind, Listing, Said, Shape, Show, Time},
    reactive::{Memo, RwSignal, varying},
    shell::Org,
    show::words::Words,
};

#[component]
pub(super) fn Members(room: Room, write: Memo<bool>) -> impl IntoView {
    let row = Callback::new(move |member| view! { <Row member room write /> }.into_any());
    let more = Callback::new(|cursor| view! { <More cursor /> }.into_any());
    view! { <Listing read=room.members caption="Members" columns=&["Person", "Role", "Member since", ""] row more /> }
}

#[component]
fn More(cursor: String) -> impl IntoView {
    let org = Org::here();
    let to = move || format!("/{}/people?cursor={}", org.slug.get(), encoded(&cursor));
    view! { <p><a class="btn" href=to>"Next 200 members"</a></p> }
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
    let initials = name.clone().unwrap_or_else(|| member.email.clone());
    let change = Words::of("Change role of {}: {}", &[&member.email, &member.role]);
    let remove = Words::of("Remove {}", &[&member.email]);
    let role = move || {
        let text = member.role.clone();
        if !write.get() {
            return view! { <Said text /> }.into_any();
        }
        let label = change.clone();
        view! {
            <Button kind=Kind::Quiet label on_press=ask(room.changing)><Said text /><Icon shape=Shape::Down /></Button>
        }
        .into_any()
    };
    view! {
        <tr role="row" id=row_id(member.id)>
            <td role="cell" class="whom">
                <div class="line">
                    <Face name=initials />
                    <div class="grow">
                        <p><b><Said text=member.email /></b> {own.then(|| view! { <span class="dimmer">" you"</span> })}</p>
                        {name.map(|text| view! { <p class="dimmer"><Said text /></p> })}
                    </div>
                </div>
            </td>
            <td role="cell" data-label="Role">{varying(role)}</td>
            <td role="cell" data-label="Member since"><Time at=member.created_at /></td>
            <td role="cell" class="acts">
                <Show when=move || write.get()>
                    <Button kind=Kind::Quiet label=remove.clone() on_press=ask(room.removing)>"Remove"</Button>
                </Show>
            </td>
        </tr>
    }
}
