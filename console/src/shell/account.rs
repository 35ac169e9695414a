//! The foot of the navigation: shortcuts, who is signed in, theme, and the way out.

use leptos::{prelude::*, task::spawn_local};

use super::ThemePicker;
use crate::{
    api::Api,
    components::{Face, Icon, Said, Shape, Tone, news::News},
    reactive::{RwSignal, derived, varying},
    show::words::Words,
};

/// Shortcuts, and a menu of what one does about oneself. On a phone the menu is a part of the navigation.
#[component]
pub(super) fn Account(
    /// Whether the shortcuts are listed.
    help: RwSignal<bool>,
) -> impl IntoView {
    let api = Api::here();
    let news = News::here();
    let email = derived(move || api.me.with(|me| me.as_ref().and_then(|me| me.email.clone())).unwrap_or_default());
    let leave = move |_| {
        spawn_local(async move {
            match api.sign_out().await {
                // A full reload: nothing of this person stays in the page.
                Ok(()) => {
                    let _ = window().location().set_href("/login");
                }
                Err(failure) => news.say(Tone::Bad, Words::of("You are still signed in. {}", &[&failure.message()])),
            }
        });
    };
    view! {
        <div class="foot">
            <button type="button" class="to keys-only" aria-keyshortcuts="?" on:click=move |_| help.set(true)>
                <Icon shape=Shape::Question />
                <span class="t">"Shortcuts"</span>
                <kbd class="end" aria-hidden="true">"?"</kbd>
            </button>
            // The browser opens the menu, and closes it by Escape and by a press elsewhere.
            <button type="button" class="to who" popovertarget="account">
                <Face name=email />
                <span class="sr">"Account "</span>
                <span class="t one">{varying(move || view! { <Said text=email.get() /> })}</span>
            </button>
            <div class="menu" id="account" popover="auto">
                <a class="to" href="/me"><Icon shape=Shape::Person /><span class="t">"Your account"</span></a>
                <ThemePicker />
                <button type="button" class="to" on:click=leave><Icon shape=Shape::Leave /><span class="t">"Sign out"</span></button>
            </div>
        </div>
    }
}
