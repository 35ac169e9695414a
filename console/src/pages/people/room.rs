//! What the parts of the page share: what was read, and what the dialogs are about.

use api_types::{Invitation, List, Member, Role};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::rights;
use crate::{
    api::{encoded, of_org, read::Read},
    components::Seen,
    reactive::{Memo, RwSignal, derived, memo},
    shell::Org,
    show::words::Words,
};

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) members: Read<List<Member>>,
    pub(super) invitations: Read<List<Invitation>>,
    pub(super) roles: Read<List<Role>>,
    /// The member that a dialog is about.
    pub(super) member: RwSignal<Option<Member>>,
    /// The dialog that gives another role.
    pub(super) changing: RwSignal<bool>,
    /// The dialog that removes.
    pub(super) removing: RwSignal<bool>,
}

impl Room {
    pub(super) fn new() -> Self {
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
    pub(super) fn now(self) -> Memo<Option<Option<(String, String)>>> {
        memo(move || {
            let id = self.member.with(|member| member.as_ref().map(|member| member.id))?;
            let list = self.members.value.get()?;
            let member = list.items.iter().find(|member| member.id == id);
            Some(member.map(|member| (member.etag.clone(), member.role.clone())))
        })
    }

    /// The member of the dialog as they were when it was opened, and what somebody else has made of them since.
    pub(super) fn seen(self, org: Org) -> Seen {
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
                        let words = "{} is no longer in {}: someone else removed them.";
                        Some(Words::of(words, &[&then.email, &org.slug.get()]))
                    }
                    Some((tag, role)) if tag != then.etag => {
                        let words = "Someone else changed the role of {} from {} to {}.";
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
    pub(super) fn to_give(self, org: Org) -> Vec<Role> {
        let own = org.mine.with(|mine| mine.as_ref().map(|mine| mine.rights.clone())).unwrap_or_default();
        let roles = self.roles.value.get();
        let roles = roles.as_deref().map(|list| list.items.as_slice()).unwrap_or_default();
        roles.iter().filter(|role| rights::cover(&own, &role.rights)).cloned().collect()
    }
}

/// Roles as a choice has them.
pub(super) fn options(roles: &[Role]) -> Vec<(String, String)> {
    roles.iter().map(|role| (role.name.clone(), role.name.clone())).collect()
}
