//! `/:org/people`: who belongs to the org, with which role, and who is invited.

mod change;
mod invitations;
mod invite;
mod members;
mod remove;
mod rights;

use api_types::{Invitation, List, Member, Role};
use domain::Right;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use self::{change::ChangeRole, invitations::Invitations, invite::Invite, members::Members, remove::Remove};
use crate::{
    api::{Api, encoded, of_org, read::Read},
    components::{Seen, Show},
    reactive::{derived, memo},
    shell::{Org, title},
    show::words::Words,
};

/// What the room's parts share.
#[derive(Clone, Copy)]
struct Room {
    members: Read<List<Member>>,
    invitations: Read<List<Invitation>>,
    roles: Read<List<Role>>,
    /// The member that a dialog is about.
    member: RwSignal<Option<Member>>,
    /// The dialog that gives another role.
    changing: RwSignal<bool>,
    /// The dialog that removes.
    removing: RwSignal<bool>,
}

impl Room {
    fn new() -> Self {
        let org = Org::here();
        let query = use_query_map();
        let cursor = memo(move || query.with(|query| query.get("cursor")));
        Self {
            members: Read::new(move || {
                let after = cursor.get().map(|cursor| format!("&cursor={}", encoded(&cursor))).unwrap_or_default();
                Some(of_org(&org.slug.get(), &format!("/members?limit=200{after}")))
            }),
            invitations: Read::new(move || Some(of_org(&org.slug.get(), "/invitations?limit=200"))),
            roles: Read::new(move || Some(of_org(&org.slug.get(), "/roles?limit=200"))),
            member: RwSignal::new(None),
            changing: RwSignal::new(false),
            removing: RwSignal::new(false),
        }
    }

    /// The tag and the role that the member of the dialog has now, as far as the list is read; `Some(None)` once they are
    /// no member any more.
    fn now(self) -> Memo<Option<Option<(String, String)>>> {
        memo(move || {
            let id = self.member.with(|member| member.as_ref().map(|member| member.id))?;
            let list = self.members.value.get()?;
            let member = list.items.iter().find(|member| member.id == id);
            Some(member.map(|member| (member.etag.clone(), member.role.clone())))
        })
    }

    /// The member of the dialog as they were when it was opened, and what somebody else has made of them since.
    fn seen(self, org: Org) -> Seen {
        let now = self.now();
        let then = move || self.member.with(|member| member.clone());
        Seen {
            tag: derived(move || match now.get() {
                Some(Some((tag, _))) => tag,
                _ => then().map(|then| then.etag).unwrap_or_default(),
            }),
            since: derived(move || {
                let then = then()?;
                match now.get()? {
                    None => {
                        let words = "{} does not belong to {} any more: somebody else has removed them meanwhile.";
                        Some(Words::of(words, &[&then.email, &org.slug.get()]))
                    }
                    Some((tag, role)) if tag != then.etag => {
                        let words = "The role of {} was changed by somebody else meanwhile: it was {}, and is {} now.";
                        Some(Words::of(words, &[&then.email, &then.role, &role]))
                    }
                    Some(_) => None,
                }
            }),
            gone: derived(move || now.get() == Some(None)),
            again: Callback::new(move |()| self.members.again()),
        }
    }

    /// The roles that one may give: none that allows more than one's own.
    fn to_give(self, org: Org) -> Vec<Role> {
        let own = org.mine.with(|mine| mine.as_ref().map(|mine| mine.rights.clone())).unwrap_or_default();
        let roles = self.roles.value.get();
        let roles = roles.as_deref().map(|list| list.items.as_slice()).unwrap_or_default();
        roles.iter().filter(|role| rights::cover(&own, &role.rights)).cloned().collect()
    }
}

/// Roles as a choice has them.
fn options(roles: &[Role]) -> Vec<(String, String)> {
    roles.iter().map(|role| (role.name.clone(), role.name.clone())).collect()
}

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
