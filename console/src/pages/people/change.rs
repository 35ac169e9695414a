//! Giving a member another role: the dialog says first what that changes.

use api_types::{Member, UpdateMember};
use leptos::{prelude::*, task::spawn_local};

use super::{
    rights,
    room::{Room, options},
};
use crate::{
    api::{Api, Failure, of_org},
    components::{
        Button, Choice, Dialog, Kind, Moment, Refused, Said, Since, Tone,
        consent::{Consent, is_asked, query},
        news::News,
    },
    reactive::{Memo, RwSignal, derived, effect_again, memo, varying},
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
            {varying(move || room.member.get().map(|member| view! { <Form room member /> }))}
        </Dialog>
    }
}

#[component]
fn Form(room: Room, member: Member) -> impl IntoView {
    let org = Org::here();
    let api = Api::here();
    let news = News::here();
    let role = RwSignal::new(member.role.clone());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let consent = Consent::new(failure);
    let given = derived(move || options(&room.to_give(org)));
    let own = api.me.with_untracked(|me| me.as_ref().is_some_and(|me| me.id == member.user_id));
    let (id, email, first) = (member.id, member.email, member.role);
    let seen = room.seen(org);
    let now = room.now();
    let before = memo(move || now.get().flatten().map_or_else(|| first.clone(), |(_, role)| role));
    let idle = derived(move || seen.gone.get() || role.get() == before.get());
    // What a refusal named was about the role that was chosen then: no consent to another.
    effect_again(move |again| {
        role.track();
        if again {
            failure.set(None);
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || idle.get_untracked() {
            return;
        }
        // A second press after what it would stop was read is the consent.
        let force = failure.with_untracked(is_asked);
        busy.set(true);
        failure.set(None);
        let path = of_org(&org.slug.get_untracked(), &format!("/members/{id}{}", query(force)));
        let update = UpdateMember { role: Some(role.get_untracked()) };
        let email = email.clone();
        let tag = seen.tag.get_untracked();
        spawn_local(async move {
            let answer = api.patch::<Member>(&path, &update, &tag).await;
            busy.try_set(false);
            match answer {
                Ok(member) => {
                    room.changing.try_set(false);
                    news.say(Tone::Ok, Words::of("{} is now {}.", &[&email, &member.role]));
                    room.members.again();
                    if own {
                        // One's own rights decide what the console offers. Should it fail, the server still refuses.
                        let _ = api.find_me().await;
                    }
                }
                Err(error) => {
                    seen.refused(&error);
                    // What was refused for another role than is chosen now is no question any more.
                    if role.try_get_untracked() == update.role {
                        consent.refused(error);
                    }
                }
            }
        });
    };
    let told = move || failure.get().filter(|failure| !seen.says(failure));
    view! {
        <form class="form" on:submit=submit>
            <Choice label="Role" value=role options=given />
            <Since seen />
            <Effects room before role own />
            {varying(move || told().map(|failure| view! { <Refused failure /> }))}
            <div class="answers">
                <Button kind=Kind::Quiet on_press=Callback::new(move |()| room.changing.set(false))>"Cancel"</Button>
                <Moment fresh=consent.fresh />
                <Button kind=Kind::Primary submit=true busy disabled=idle fresh=consent.fresh>
                    {varying(move || if failure.with(is_asked) { "Change role anyway" } else { "Change role" })}
                </Button>
            </div>
        </form>
    }
}

/// What the other role would change, from the next request on.
#[component]
fn Effects(room: Room, before: Memo<String>, role: RwSignal<String>, own: bool) -> impl IntoView {
    let effects = move || {
        let roles = room.roles.value.get()?;
        let of = |name: &str| roles.items.iter().find(|role| role.name == name).map(|role| role.rights.clone());
        role.with(|role| Some(rights::difference(&before.with(|before| of(before))?, &of(role)?)))
    };
    let who = if own { "You" } else { "They" };
    let line = move |verb: &'static str, rights: &[String]| {
        let words = rights::sentence(rights);
        (!words.is_empty()).then(|| view! { <p>{who} " " <b>{verb}</b> " " <Said text=words /> "."</p> })
    };
    varying(move || {
        let (gained, lost) = effects()?;
        Some(view! { <div class="stack tight dim">{line("can also", &gained)} {line("can no longer", &lost)}</div> })
    })
}
