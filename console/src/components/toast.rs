//! Short news at the edge of the page, announced politely; some can be undone.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{Button, Clock, CopyButton, Fresh, Icon, Kind, Moment, Sentence, Shape, Tone, presses::READ};
use crate::reactive::varying;
use crate::show::{time, words::Words};

/// How many pieces of news are shown at once; the oldest that asks for nothing goes first.
const SHOWN: usize = 6;
/// How many may stay that wait to be dismissed.
const KEPT: usize = 20;

/// Where pages say their news.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

/// One piece of news: what it says may change while it stays in its place, under a pointer that is on its way.
#[derive(Clone)]
struct Toast {
    id: u64,
    news: ArcRwSignal<News>,
}

#[derive(Clone)]
struct News {
    tone: Tone,
    words: Words,
    end: End,
}

/// What can be done about it.
#[derive(Clone)]
enum End {
    /// Nothing yet: it is about to say something else.
    Under,
    Undo(Undo),
    Dismiss(Vec<Offer>),
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
        self.say_in(None, tone, words);
    }

    /// The same, in the place of what is there already.
    pub fn say_in(self, place: Option<u64>, tone: Tone, words: impl Into<Words>) {
        let id = self.put(place, News { tone, words: words.into(), end: End::Dismiss(Vec::new()) });
        Timeout::new(8_000, move || self.take_back(id)).forget();
    }

    /// Says something that stays until it is dismissed or one of the offers is taken.
    pub fn keep(self, tone: Tone, words: impl Into<Words>, offers: Vec<Offer>) -> u64 {
        self.keep_in(None, tone, words, offers)
    }

    /// The same, in the place of what is there already.
    pub fn keep_in(self, place: Option<u64>, tone: Tone, words: impl Into<Words>, offers: Vec<Offer>) -> u64 {
        self.put(place, News { tone, words: words.into(), end: End::Dismiss(offers) })
    }

    /// Says what is about to happen at `until`, and counts down to it, until something else is said in its place;
    /// `undo` stops it.
    pub fn offer_undo(self, words: impl Into<Words>, until: DateTime<Utc>, undo: Act) -> u64 {
        self.put(None, News { tone: Tone::Quiet, words: words.into(), end: End::Undo(Undo { until, act: undo }) })
    }

    /// Says that it is happening, in the place of what was about to happen.
    pub fn under_way(self, place: Option<u64>, words: impl Into<Words>) -> u64 {
        self.put(place, News { tone: Tone::Quiet, words: words.into(), end: End::Under })
    }

    /// Whether it is still there.
    pub fn is_shown(self, id: u64) -> bool {
        self.shown.with_untracked(|shown| shown.iter().any(|toast| toast.id == id))
    }

    /// Removes one, if it is still there.
    pub fn take_back(self, id: u64) {
        if self.is_shown(id) {
            self.shown.update(|shown| shown.retain(|toast| toast.id != id));
        }
    }

    fn put(self, place: Option<u64>, news: News) -> u64 {
        let there =
            place.and_then(|id| self.shown.with_untracked(|shown| shown.iter().find(|toast| toast.id == id).cloned()));
        if let Some(toast) = there {
            toast.news.set(news);
            return toast.id;
        }
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.shown.update(|shown| {
            make_room(shown);
            shown.push(Toast { id, news: ArcRwSignal::new(news) });
        });
        id
    }
}

/// Makes room for one more.
fn make_room(shown: &mut Vec<Toast>) {
    let asks = |toast: &Toast| toast.news.with_untracked(|news| news.end.asks());
    while shown.len() >= SHOWN {
        match shown.iter().position(|toast| !asks(toast)) {
            Some(oldest) => shown.remove(oldest),
            None if shown.len() >= KEPT => shown.remove(0),
            None => return,
        };
    }
}

impl End {
    /// Whether somebody may still want to do something about it.
    fn asks(&self) -> bool {
        match self {
            Self::Under | Self::Undo(_) => true,
            Self::Dismiss(offers) => !offers.is_empty(),
        }
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
    let Toast { id, news } = toast;
    let tone = {
        let news = news.clone();
        move || format!("toast {}", news.with(|news| news.tone.class()))
    };
    view! {
        <div class=tone>
            {varying(move || {
                let News { words, end, .. } = news.get();
                view! {
                    <span><Sentence words=words /></span>
                    {match end {
                        End::Under => ().into_any(),
                        End::Undo(undo) => view! { <UndoIt undo /> }.into_any(),
                        End::Dismiss(offers) => view! { <Offers id offers /> }.into_any(),
                    }}
                }
            })}
        </div>
    }
}

#[component]
fn UndoIt(undo: Undo) -> impl IntoView {
    let now = Clock::here();
    let fresh = Fresh::new(0.0);
    let Undo { until, act } = undo;
    let act = Callback::new(move |()| {
        leave();
        act();
    });
    // The seconds are for eyes: read out, they would drown everything else.
    view! {
        <span class="countdown" aria-hidden="true">{varying(move || time::countdown(until, now.get()))}</span>
        <Moment fresh />
        <Button kind=Kind::Quiet key="Z" fresh on_press=act>"Undo"</Button>
    }
}

/// What can be done now. It may have come up where "Undo" stood, and must not be pressed in its place.
#[component]
fn Offers(id: u64, offers: Vec<Offer>) -> impl IntoView {
    let toasts = Toasts::here();
    let fresh = Fresh::new(READ);
    let dismiss = Callback::new(move |()| {
        toasts.take_back(id);
        leave();
    });
    let offers = offers.into_iter().map(move |offer| match offer {
        Offer::Do(words, act) => {
            let act = Callback::new(move |()| {
                toasts.take_back(id);
                leave();
                act();
            });
            view! { <Button kind=Kind::Quiet fresh on_press=act>{words}</Button> }.into_any()
        }
        Offer::Copy(what, text) => view! { <CopyButton text what /> }.into_any(),
        Offer::Go(words, href) => view! { <a href=href on:click=move |_| toasts.take_back(id)>{words}</a> }.into_any(),
    });
    view! {
        <Moment fresh />
        {offers.collect_view()}
        <Button kind=Kind::Quiet label="Dismiss" fresh on_press=dismiss>
            <Icon shape=Shape::Cross />
        </Button>
    }
}

/// The button that has the focus goes: reading goes on at the page.
fn leave() {
    focus("content");
}

/// Brings the focus to an element of the page, if it is there.
fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take it leaves it where it is.
        let _ = element.focus();
    }
}
