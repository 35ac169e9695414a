//! `/me`: one's own account: orgs, preferences, sessions, password.

use api_types::{List, Session};
use leptos::{prelude::*, task::spawn_local};

use super::{orgs::Orgs, password::Password, sessions::Sessions};
use crate::{
    api::{Api, read::Read},
    components::{Button, Face, Icon, Said, Shape, Tone, news::News},
    reactive::varying,
    shell::{Shortcuts, ThemePicker, title},
    show::words::Words,
};

#[component]
pub(crate) fn Me() -> impl IntoView {
    title(|| "Your account".into());
    let sessions = Read::<List<Session>>::new(|| Some("/auth/sessions?limit=200".to_owned()));
    view! {
        <main class="page account">
            <header>
                <a class="btn plain icon" href="/" aria-label="Back to the inbox"><Icon shape=Shape::Back /></a>
                <h1>"Your account"</h1>
                <span class="line end"><SignOut /></span>
            </header>
            <div class="body">
                <Who />
                <Orgs />
                <Preferences />
                <Sessions sessions />
                <Password sessions />
            </div>
        </main>
    }
}

#[component]
fn SignOut() -> impl IntoView {
    let api = Api::here();
    let news = News::here();
    let leave = Callback::new(move |()| {
        spawn_local(async move {
            match api.sign_out().await {
                // A full reload: nothing of this person stays in the page.
                Ok(()) => {
                    let _ = window().location().set_href("/login");
                }
                Err(failure) => news.say(Tone::Bad, Words::of("You are still signed in. {}", &[&failure.message()])),
            }
        });
    });
    view! { <Button on_press=leave>"Sign out"</Button> }
}

#[component]
fn Who() -> impl IntoView {
    let api = Api::here();
    varying(move || {
        let me = api.me.get()?;
        let email = me.email.clone().unwrap_or_default();
        let admin = me.instance_admin.then(|| view! { <p class="dim">"Administrator of this instance"</p> });
        Some(view! {
            <div class="line self">
                <Face name=email.clone() />
                <div class="grow"><p class="big"><Said text=email /></p>{admin}</div>
            </div>
        })
    })
}

#[component]
fn Preferences() -> impl IntoView {
    let shortcuts = Shortcuts::here();
    view! {
        <section class="panel" aria-labelledby="preferences">
            <header><h2 id="preferences">"Preferences"</h2><span class="dim">"for this browser"</span></header>
            <div class="in-p stack">
                <div class="field"><span class="label">"Theme"</span><ThemePicker /></div>
                <div class="field">
                    <label class="check">
                        <input type="checkbox" class="box" aria-describedby="shortcuts-help" prop:checked=varying(move || shortcuts.on.get()) on:change:target=move |event| shortcuts.turn(event.target().checked()) />
                        "Keyboard shortcuts"
                    </label>
                    <span class="help" id="shortcuts-help">"Press ? on any page to see its shortcuts."</span>
                </div>
            </div>
        </section>
    }
}
