//! `/me`: where one is signed in, and signing out there.

use std::cmp::Reverse;

use api_types::{List, Session};
use leptos::{html, prelude::*, task::spawn_local};
use uuid::Uuid;

use super::focus::hand_on;
use crate::{
    api::{Api, Failure, read::Read},
    components::{Button, Icon, Kind, Said, Shape, Shown, Time, Tone, Word, news::News},
    reactive::{RwSignal, derived},
    show::{
        sorted::sort,
        words::{Words, plain},
    },
};

/// The list, the session of this page first.
#[component]
pub(super) fn Sessions(sessions: Read<List<Session>>) -> impl IntoView {
    let heading = NodeRef::<html::H2>::new();
    hand_on(derived(move || sessions.value.with(Option::is_some)), Signal::stored(None), heading);
    view! {
        <section class="panel" aria-labelledby="sessions">
            <header><h2 id="sessions" tabindex="-1" node_ref=heading>"Where you are signed in"</h2></header>
            <div class="in-p stack">
                <Shown read=sessions lines=3 let:list>
                    {
                        let listed = in_order(&list.items);
                        let others: Vec<Uuid> = list.items.iter().filter(|one| !one.current).map(|one| one.id).collect();
                        view! {
                            <ul class="lines roomy" role="list" aria-label="Your sessions">
                                {listed.into_iter().map(|session| view! { <Row session sessions /> }).collect_view()}
                            </ul>
                            {(!others.is_empty()).then(|| view! { <Others others sessions /> })}
                        }
                    }
                </Shown>
            </div>
        </section>
    }
}

#[component]
fn Row(session: Session, sessions: Read<List<Session>>) -> impl IntoView {
    let id = session.id;
    let agent = session.client.unwrap_or_default();
    let browser = browser(&agent);
    let end = if session.current {
        view! { <Word tone=Tone::Ok><Icon shape=Shape::Check />"This session"</Word> }.into_any()
    } else {
        let label = Words::of("Sign out of {}", &[&browser]);
        view! { <End kind=Kind::Quiet label words="Sign out" ids=vec![id] sessions /> }.into_any()
    };
    view! {
        <li>
            <Icon shape=Shape::Screen />
            <div class="grow">
                <p title=plain(&agent)><Said text=browser /></p>
                <p class="dimmer">
                    {session.address.map(|text| view! { <Said text /> " · " })}
                    "used " <Time at=session.last_seen_at /> " · signed in " <Time at=session.created_at />
                </p>
            </div>
            {end}
        </li>
    }
}

/// Ends every session but the one of this page, and says how many these are.
#[component]
fn Others(others: Vec<Uuid>, sessions: Read<List<Session>>) -> impl IntoView {
    let count = others.len();
    let words = if count == 1 { " other session ends" } else { " other sessions end" };
    view! {
        <div class="line wrap">
            <End kind=Kind::Plain label=ELSEWHERE.into() words=ELSEWHERE ids=others sessions />
            <span class="dimmer">{count} {words}</span>
        </div>
    }
}

const ELSEWHERE: &str = "Sign out everywhere else";

/// A button that ends sessions.
#[component]
fn End(kind: Kind, label: Words, words: &'static str, ids: Vec<Uuid>, sessions: Read<List<Session>>) -> impl IntoView {
    let api = Api::here();
    let news = News::here();
    let busy = RwSignal::new(false);
    let ids = StoredValue::new(ids);
    let end = Callback::new(move |()| {
        busy.set(true);
        let ids = ids.get_value();
        spawn_local(async move {
            match end_all(api, &ids).await {
                Ok(()) if ids.len() == 1 => news.say(Tone::Ok, "That session was signed out."),
                Ok(()) => news.say(Tone::Ok, "You are signed out everywhere else."),
                Err(failure) => news.say(Tone::Bad, Words::theirs(failure.message())),
            }
            busy.try_set(false);
            sessions.again();
        });
    });
    view! { <Button kind label busy on_press=end>{words}</Button> }
}

/// Ends these sessions; one that has ended meanwhile is no failure.
async fn end_all(api: Api, ids: &[Uuid]) -> Result<(), Failure> {
    for id in ids {
        match api.delete(&format!("/auth/sessions/{id}"), "").await {
            Err(failure) if failure.code() != Some("not_found") => return Err(failure),
            _ => {}
        }
    }
    Ok(())
}

/// The session of this page, then the one that was used last.
fn in_order(sessions: &[Session]) -> Vec<Session> {
    let mut sessions = sessions.to_vec();
    let key = |session: &Session| (!session.current, Reverse(session.last_seen_at));
    sort(&mut sessions, |one, other| key(one).cmp(&key(other)));
    sessions
}

/// A browser's `User-Agent` in words, such as "Firefox on Windows". A person who lies there deceives nobody but themselves; a
/// program that is not known keeps the name it gave.
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
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, word)| *word);
    match (find(&names), find(&systems)) {
        _ if agent.is_empty() => "Unknown browser".to_owned(),
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn the_session_of_this_page_comes_first_and_then_the_one_that_was_used_last() {
        let session = |n: u64, current| Session {
            id: Uuid::from_u64_pair(0, n),
            current,
            created_at: DateTime::UNIX_EPOCH,
            last_seen_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(n as i64),
            expires_at: DateTime::UNIX_EPOCH + TimeDelta::days(1),
            client: None,
            address: None,
        };
        let ordered = in_order(&[session(1, false), session(2, true), session(3, false)]);
        assert_eq!(ordered.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>(), [2, 3, 1]);
    }

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
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "Unknown browser"),
        ] {
            assert_eq!(browser(agent), words);
        }
    }
}
