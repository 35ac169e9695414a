//! What one is about to change or end, as it was when one began, and what others have made of it since.

use leptos::prelude::*;

use super::{Icon, Sentence, Shape};
use crate::reactive::varying;
use crate::{api::Failure, show::words::Words};

/// One thing of the server that a dialog is about.
#[derive(Clone, Copy)]
pub struct Seen {
    /// The tag of the state that the dialog shows, which is sent as `If-Match`. Empty: it has none.
    pub tag: Signal<String>,
    /// What somebody else has made of it since the dialog was opened, in words.
    pub since: Signal<Option<Words>>,
    /// Whether it is gone, so that there is nothing to do any more.
    pub gone: Signal<bool>,
    /// Reads it again.
    pub again: Callback<()>,
}

impl Seen {
    /// Finds out what it is now, where a refusal says that it is not what was seen.
    pub fn refused(self, failure: &Failure) {
        if matches!(failure.code(), Some("changed_since" | "not_found")) {
            // Who asked may have closed the dialog.
            self.again.try_run(());
        }
    }

    /// Whether the refusal says nothing but what [`Since`] says better.
    pub fn says(self, failure: &Failure) -> bool {
        let told = matches!(failure.code(), Some("changed_since" | "not_found"));
        told && self.since.with(Option::is_some)
    }
}

/// Says what somebody else has made of it; nothing where nobody has. It is announced, and takes nothing away that was
/// chosen or typed.
#[component]
pub fn Since(seen: Seen) -> impl IntoView {
    view! {
        <div role="status">
            {varying(move || seen.since.get().map(|words| view! {
                <div class="loud"><Icon shape=Shape::Change /><span><Sentence words /></span></div>
            }))}
        </div>
    }
}
