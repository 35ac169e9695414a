//! Something to fill in and send: it is sent once at a time, and what failed stays beside it until it is sent again.

use std::pin::Pin;

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use crate::{
    api::Failure,
    reactive::{RwSignal, derived},
};

/// What a form sends: whether it is on its way, and why it failed the last time. Copied freely.
#[derive(Clone, Copy)]
pub struct Sending {
    /// Whether it is on its way.
    pub busy: RwSignal<bool>,
    /// Why it failed; `None` once it is sent again.
    pub failure: RwSignal<Option<Failure>>,
}

impl Sending {
    /// Nothing was sent yet.
    pub fn idle() -> Self {
        Self { busy: RwSignal::new(false), failure: RwSignal::new(None) }
    }

    /// Sends, and does what follows. Does nothing while something is on its way; the page may be left meanwhile.
    pub fn send(self, act: impl Future<Output = Result<(), Failure>> + 'static) {
        if !self.busy.get_untracked() {
            self.begin(Box::pin(act));
        }
    }

    fn begin(self, act: Pin<Box<dyn Future<Output = Result<(), Failure>>>>) {
        self.busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            let answer = act.await;
            self.busy.try_set(false);
            if let Err(failure) = answer {
                self.failure.try_set(Some(failure));
            }
        });
    }

    /// What the server found wrong with a field, to be said there.
    pub fn wrong(self, field: &'static str) -> Signal<Option<String>> {
        derived(move || self.failure.with(|failure| failure.as_ref()?.field(field)))
    }

    /// The failure, unless it is all said at these fields.
    pub fn rest(self, fields: &'static [&'static str]) -> Option<Failure> {
        self.failure.get().filter(|failure| !failure.is_at(fields))
    }
}

/// A form: it never leaves the page.
#[component]
pub fn Form(
    /// How its parts stand.
    #[prop(default = "form")]
    class: &'static str,
    /// Sends it.
    on_submit: Callback<()>,
    /// What is filled in, and the button.
    children: Children,
) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_submit.run(());
    };
    view! { <form class=class on:submit=submit>{children()}</form> }
}
