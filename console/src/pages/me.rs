//! `/me`: one's own sessions and settings.

use api_types::{List, Session};
use leptos::{prelude::*, task::spawn_local};

use super::{orgs::Orgs, password::Password};
use crate::{
    api::{Api, read::Read},
    components::{Badge, Button, Icon, Kind, Listing, Said, Shape, Time, Tone, toast::Toasts},
    reactive::varying,
    shell::{Shortcuts, ThemePicker, title},
    show::words::{Words, plain},
};

#[component]
pub(crate) fn Me() -> impl IntoView {
    title(|| "You".into());
    let api = Api::here();
    let me = move || api.me.get();
    let email = move || me().and_then(|me| me.email.clone()).unwrap_or_default();
    let shortcuts = Shortcuts::here();
    let sessions = Read::<List<Session>>::new(|| Some("/auth/sessions".to_owned()));
    view! {
        <main class="page">
            <p class="back"><a href="/"><Icon shape=Shape::Back />" Inbox"</a></p>
            <h1>{varying(move || view! { <Said text=email() /> })}</h1>
            <h2>"Your orgs"</h2>
            <Orgs />
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
            <Sessions sessions />
            <h2>"Password"</h2>
            <Password sessions />
        </main>
    }
}

#[component]
fn Sessions(sessions: Read<List<Session>>) -> impl IntoView {
    let row = Callback::new(move |session| view! { <Row session sessions /> }.into_any());
    let columns = &["Browser", "Address", "Signed in", "Last used", ""];
    view! { <Listing read=sessions caption="Your sessions" columns row /> }
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
            match api.delete(&format!("/auth/sessions/{id}"), "").await {
                Ok(()) => toasts.say(Tone::Ok, "That session has ended."),
                Err(failure) => toasts.say(Tone::Bad, Words::theirs(failure.message())),
            }
            busy.try_set(false);
            sessions.again();
        });
    });
    view! {
        <tr>
            <td data-label="Browser"><span title=session.client.as_deref().map(plain)><Said text=browser(session.client.as_deref().unwrap_or_default()) /></span></td>
            <td data-label="Address" class="address"><Said text=session.address.unwrap_or_default() /></td>
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

/// A browser's `User-Agent` in words, such as "Firefox on Windows". Who lies there deceives nobody but
/// themselves; what is not known stays as it is.
fn browser(agent: &str) -> String {
    // In this order: most claim to be those that come later as well.
    let names = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, word)| *word);
    match (find(&names), find(&systems)) {
        _ if agent.is_empty() => "not said".to_owned(),
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn browsers_are_told_by_the_name_people_know() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "not said"),
        ] {
            assert_eq!(browser(agent), words);
        }
    }
}
