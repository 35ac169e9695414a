//! Giving a member another role, after saying what it changes.

use api_types::{Member, UpdateMember};
use leptos::{prelude::*, task::spawn_local};

use super::{Room, advice, consent, options, rights};
use crate::{
    api::{Api, Failure, of_org},
    components::{Button, Choice, Dialog, Failed, Kind, Said, Sentence, Tone, toast::Toasts},
    reactive::derived,
    shell::Org,
    show::words::Words,
};

/// The dialog.
#[component]
pub(super) fn ChangeRole(room: Room) -> impl IntoView {
    let title = derived(move || {
        let email = room.member.with(|member| member.as_ref().map(|member| member.email.clone())).unwrap_or_default();
        Words::of("Change the role of {}", &[&email])
    });
    view! {
        <Dialog open=room.changing title>
            {move || room.member.get().map(|member| view! { <Form room member /> })}
        </Dialog>
    }
}

#[component]
fn Form(room: Room, member: Member) -> impl IntoView {
    let org = Org::here();
    let api = Api::here();
    let toasts = Toasts::here();
    let role = RwSignal::new(member.role.clone());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let given = derived(move || options(&room.to_give(org)));
    let same = {
        let role_now = member.role.clone();
        derived(move || role.with(|role| *role == role_now))
    };
    let own = api.me.with_untracked(|me| me.as_ref().is_some_and(|me| me.id == member.user_id));
    let (id, email, before, tag) = (member.id, member.email, member.role, member.etag);
    // What somebody else made of it while this was open.
    let other = {
        let tag = tag.clone();
        let changed = move |now: &&Member| now.id == id && now.etag != tag;
        derived(move || room.members.value.get()?.items.iter().find(&changed).cloned())
    };
    let shown = email.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || same.get_untracked() {
            return;
        }
        // A second press after what it would stop was read is the consent.
        let force = failure.with_untracked(consent::is_asked);
        busy.set(true);
        failure.set(None);
        let path = of_org(&org.slug.get_untracked(), &format!("/members/{id}{}", consent::query(force)));
        let update = UpdateMember { role: Some(role.get_untracked()) };
        let email = email.clone();
        let seen = other.get_untracked().map_or_else(|| tag.clone(), |now| now.etag);
        spawn_local(async move {
            let answer = api.patch::<Member>(&path, &update, &seen).await;
            busy.try_set(false);
            match answer {
                Ok(member) => {
                    room.changing.try_set(false);
                    toasts.say(Tone::Ok, Words::of("{} is {} now.", &[&email, &member.role]));
                    room.members.again();
                    if own {
                        // One's own rights decide what the console offers. Should it fail, the server still refuses.
                        let _ = api.find_me().await;
                    }
                }
                Err(error) => {
                    if error.code() == Some("changed_since") {
                        room.members.again();
                    }
                    failure.try_set(Some(error));
                }
            }
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <Choice label="Role" value=role options=given />
            {move || other.get().map(|now| {
                let words = Words::of("{} is {} now: somebody else has changed it meanwhile.", &[&shown, &now.role]);
                view! { <p role="status"><Sentence words /></p> }
            })}
            <Effects room before role own />
            {move || failure.get().map(|failure| view! { <consent::Affected failure=failure.clone() /> <Failed advice=advice(&failure) failure /> })}
            <div class="row-end">
                <Button kind=Kind::Quiet on_press=Callback::new(move |()| room.changing.set(false))>"Cancel"</Button>
                <Button kind=Kind::Primary submit=true busy disabled=same>
                    {move || if failure.with(consent::is_asked) { "Change it all the same" } else { "Change the role" }}
                </Button>
            </div>
        </form>
    }
}

/// What the other role would change, from the next request on.
#[component]
fn Effects(room: Room, before: String, role: RwSignal<String>, own: bool) -> impl IntoView {
    let effects = move || {
        let roles = room.roles.value.get()?;
        let of = |name: &str| roles.items.iter().find(|role| role.name == name).map(|role| role.rights.clone());
        role.with(|role| Some(rights::difference(&of(&before)?, &of(role)?)))
    };
    let who = if own { "You" } else { "They" };
    let line = move |verb: &'static str, rights: &[String]| {
        let words = rights::sentence(rights);
        (!words.is_empty()).then(|| view! { <p>{who} " " <b>{verb}</b> " " <Said text=words /> "."</p> })
    };
    move || {
        let (gained, lost) = effects()?;
        Some(view! { <div class="effects">{line("can also", &gained)} {line("can no longer", &lost)}</div> })
    }
}
