//! Short news at the edge of the page, announced politely; some can be undone.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{Button, Clock, CopyButton, Icon, Kind, Sentence, Shape, Tone};
use crate::show::{time, words::Words};

/// Where pages say their news.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

/// One piece of news.
#[derive(Clone)]
struct Toast {
    id: u64,
    tone: Tone,
    words: Words,
    undo: Option<Undo>,
    offers: Vec<Offer>,
}

#[derive(Clone)]
struct Undo {
    until: DateTime<Utc>,
    act: Act,
}

/// What an offer does. It outlives the page that made it, as a `Callback` would not.
pub type Act = Arc<dyn Fn() + Send + Sync>;

/// Something that can be done about a piece of news.
#[derive(Clone)]
pub enum Offer {
    /// Does something, and the news is gone.
    Do(&'static str, Act),
    /// Leads to a page of the console: words and path.
    Go(&'static str, String),
    /// Puts a text on the clipboard: what it is, and the text.
    Copy(&'static str, String),
}

impl Toasts {
    /// Makes the place, for everything underneath.
    pub fn provide() -> Self {
        let toasts = Self { shown: RwSignal::new(Vec::new()), next: StoredValue::new(0) };
        provide_context(toasts);
        toasts
    }

    /// The place that the application made.
    pub fn here() -> Self {
        expect_context()
    }

    /// Says something for eight seconds.
    pub fn say(self, tone: Tone, words: impl Into<Words>) {
        let id = self.push(tone, words.into(), None, Vec::new());
        Timeout::new(8_000, move || self.take_back(id)).forget();
    }

    /// Says something that stays until it is dismissed or one of the offers is taken.
    pub fn keep(self, tone: Tone, words: impl Into<Words>, offers: Vec<Offer>) {
        self.push(tone, words.into(), None, offers);
    }

    /// Says what is about to happen at `until`, and counts down to it, until [`Self::take_back`]; `undo`
    /// stops it.
    pub fn offer_undo(self, words: impl Into<Words>, until: DateTime<Utc>, undo: Act) -> u64 {
        self.push(Tone::Quiet, words.into(), Some(Undo { until, act: undo }), Vec::new())
    }

    /// Removes one, if it is still there.
    pub fn take_back(self, id: u64) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }

    fn push(self, tone: Tone, words: Words, undo: Option<Undo>, offers: Vec<Offer>) -> u64 {
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.shown.update(|shown| shown.push(Toast { id, tone, words, undo, offers }));
        id
    }
}

/// Shows them: once, at the end of the application.
#[component]
pub fn ToastList() -> impl IntoView {
    let toasts = Toasts::here();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <One toast />
            </For>
        </div>
    }
}

#[component]
fn One(toast: Toast) -> impl IntoView {
    let toasts = Toasts::here();
    let now = Clock::here();
    let dismiss = Callback::new(move |()| {
        toasts.take_back(toast.id);
        // The button that had the focus is gone: reading goes on at the page.
        focus("content");
    });
    let offers = toast.offers.into_iter().map(move |offer| match offer {
        Offer::Do(words, act) => {
            let act = Callback::new(move |()| {
                toasts.take_back(toast.id);
                act();
            });
            view! { <Button kind=Kind::Quiet on_press=act>{words}</Button> }.into_any()
        }
        Offer::Copy(what, text) => view! { <CopyButton text what /> }.into_any(),
        Offer::Go(words, href) => {
            view! { <a href=href on:click=move |_| toasts.take_back(toast.id)>{words}</a> }.into_any()
        }
    });
    let end = match toast.undo {
        // The seconds are for eyes: read out, they would drown everything else.
        Some(Undo { until, act }) => {
            let act = Callback::new(move |()| act());
            view! {
                <span class="countdown" aria-hidden="true">{move || time::countdown(until, now.get())}</span>
                <Button kind=Kind::Quiet key="Z" on_press=act>"Undo"</Button>
            }
            .into_any()
        }
        None => view! {
            <Button kind=Kind::Quiet label="Dismiss" on_press=dismiss>
                <Icon shape=Shape::Cross />
            </Button>
        }
        .into_any(),
    };
    view! {
        <div class=format!("toast {}", toast.tone.class())>
            <span><Sentence words=toast.words /></span>
            {offers.collect_view()}
            {end}
        </div>
    }
}

/// Brings the focus to an element of the page, if it is there.
fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take it leaves it where it is.
        let _ = element.focus();
    }
}
