//! Short news at the edge of the page, announced politely; some can be undone.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::{Button, Icon, Kind, Shape, Tone};

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
    words: Signal<String>,
    undo: Option<Callback<()>>,
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
    pub fn say(self, tone: Tone, words: impl Into<String>) {
        let words = words.into();
        let id = self.push(tone, Signal::stored(words), None);
        Timeout::new(8_000, move || self.take_back(id)).forget();
    }

    /// Says what is about to happen, until [`Self::take_back`]; `undo` stops it.
    pub fn offer_undo(self, words: Signal<String>, undo: Callback<()>) -> u64 {
        self.push(Tone::Quiet, words, Some(undo))
    }

    /// Removes one, if it is still there.
    pub fn take_back(self, id: u64) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }

    fn push(self, tone: Tone, words: Signal<String>, undo: Option<Callback<()>>) -> u64 {
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.shown.update(|shown| shown.push(Toast { id, tone, words, undo }));
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
                <div class=format!("toast {}", toast.tone.class())>
                    <span>{toast.words}</span>
                    {toast.undo.map(|undo| view! { <Button kind=Kind::Quiet key="Z" on_press=undo>"Undo"</Button> })}
                    {toast
                        .undo
                        .is_none()
                        .then(|| {
                            let dismiss = Callback::new(move |()| toasts.take_back(toast.id));
                            view! {
                                <Button kind=Kind::Quiet label="Dismiss" on_press=dismiss>
                                    <Icon shape=Shape::Cross />
                                </Button>
                            }
                        })}
                </div>
            </For>
        </div>
    }
}
