//! Pages for people who are signed in. Everybody else is led to the door, and from there to where they wanted to go.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    components::Outlet,
    hooks::{use_location, use_navigate},
};

use crate::{
    api::{Api, Failure, Retry, encoded, remember},
    components::{Failed, Skeleton},
    reactive::{RwSignal, effect, memo, varying},
    show::words::Words,
};

/// Finds out who is signed in before it shows what is underneath.
#[component]
pub fn Guard() -> impl IntoView {
    let api = Api::here();
    let failure = RwSignal::new(None::<Failure>);
    let location = use_location();
    let navigate = use_navigate();
    let wanted = move || {
        format!(
            "{}{}{}",
            location.pathname.get_untracked(),
            question(&location.search.get_untracked()),
            location.hash.get_untracked()
        )
    };
    let again = Trigger::new();
    let attempts = Retry::new(again);
    let asking = StoredValue::new(false);
    effect(move || {
        again.track();
        if api.me.with_untracked(Option::is_some) || asking.get_value() {
            return;
        }
        attempts.begun();
        asking.set_value(true);
        let (navigate, wanted) = (navigate.clone(), wanted());
        spawn_local(async move {
            let answer = api.find_me().await;
            asking.try_set_value(false);
            match answer {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
                    navigate(&format!("/login?next={}", encoded(&wanted)), options);
                }
                Err(error) => {
                    attempts.failed(&error);
                    remember(failure, error);
                }
            }
        });
    });
    let look = Callback::new(move |()| again.notify());
    let known = memo(move || api.me.with(Option::is_some));
    varying(move || match (known.get(), failure.get()) {
        (true, _) => view! { <Outlet /> }.into_any(),
        (false, Some(failure)) => starting(view! { <Failed failure retry=look /> }.into_any()),
        (false, None) => starting(view! { <Skeleton lines=3 /> }.into_any()),
    })
}

/// A page that is not known yet, in the frame that most pages have.
fn starting(content: AnyView) -> AnyView {
    title(|| "Starting".into());
    view! {
        <div class="app">
            <div class="nav"></div>
            <div class="content">
                <main class="page">
                    <h1 class="sr">"Starting Permesso"</h1>
                    <div class="body">{content}</div>
                </main>
            </div>
        </div>
    }
    .into_any()
}

fn question(search: &str) -> String {
    if search.is_empty() { String::new() } else { format!("?{}", search.trim_start_matches('?')) }
}

/// Names the browser's window, as long as the page is shown.
pub fn title(words: impl Fn() -> Words + 'static) {
    effect(move || document().set_title(&words().and(" · Permesso").plain()));
}
