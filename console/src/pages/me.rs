//! `/me`: one's own sessions and settings.

use std::sync::Arc;

use api_types::{List, Session};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{Api, read::Read},
    components::{Badge, Button, Icon, Kind, Shape, Shown, Table, Time, Tone, toast::Toasts},
    shell::{Shortcuts, ThemePicker, title},
};

#[component]
pub(crate) fn Me() -> impl IntoView {
    title(|| "You".to_owned());
    let api = Api::here();
    let me = move || api.me.get();
    let email = move || me().and_then(|me| me.email.clone()).unwrap_or_default();
    let orgs = move || {
        let orgs = me().map(|me| me.orgs.clone()).unwrap_or_default();
        orgs.into_iter()
            .map(|org| view! { <li><a href=format!("/{}/inbox", org.slug)>{org.slug.clone()}</a> " as " {org.role}</li> })
            .collect_view()
    };
    let shortcuts = Shortcuts::here();
    view! {
        <main class="page">
            <p class="back"><a href="/"><Icon shape=Shape::Back />" Inbox"</a></p>
            <h1>{email}</h1>
            <h2>"Your orgs"</h2>
            <ul class="orgs">{orgs}</ul>
            <h2>"This browser"</h2>
            <div class="settings">
                <span>"Theme"</span>
                <ThemePicker />
                <label class="check">
                    <input type="checkbox" prop:checked=shortcuts.on on:change:target=move |event| shortcuts.turn(event.target().checked()) />
                    "Single keys do what buttons do (press ? on a page to see which)"
                </label>
            </div>
            <h2>"Where you are signed in"</h2>
            <Sessions />
        </main>
    }
}

#[component]
fn Sessions() -> impl IntoView {
    let sessions = Read::<List<Session>>::new(|| Some("/auth/sessions".to_owned()));
    view! {
        <Shown read=sessions lines=3 let:list>
            <Table caption="Your sessions" columns=vec!["Browser", "Address", "Signed in", "Last used", ""]>
                {rows(&list, sessions)}
            </Table>
        </Shown>
    }
}

fn rows(list: &Arc<List<Session>>, sessions: Read<List<Session>>) -> impl IntoView + use<> {
    list.items.iter().cloned().map(|session| view! { <Row session sessions /> }).collect_view()
}

#[component]
fn Row(session: Session, sessions: Read<List<Session>>) -> impl IntoView {
    let api = Api::here();
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let id = session.id;
    let end = Callback::new(move |()| {
        busy.set(true);
        spawn_local(async move {
            match api.delete(&format!("/auth/sessions/{id}")).await {
                Ok(()) => toasts.say(Tone::Ok, "That session has ended."),
                Err(failure) => toasts.say(Tone::Bad, failure.message()),
            }
            busy.try_set(false);
            sessions.again();
        });
    });
    view! {
        <tr>
            <td data-label="Browser">{session.client.unwrap_or_else(|| "not said".to_owned())}</td>
            <td data-label="Address">{session.address.unwrap_or_default()}</td>
            <td data-label="Signed in"><Time at=session.created_at /></td>
            <td data-label="Last used"><Time at=session.last_seen_at /></td>
            <td>
                {if session.current {
                    view! { <Badge tone=Tone::Ok>"this one"</Badge> }.into_any()
                } else {
                    view! { <Button kind=Kind::Quiet busy label="End this session" on_press=end>"End"</Button> }.into_any()
                }}
            </td>
        </tr>
    }
}
