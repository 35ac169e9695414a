//! Something read from the server and shown, and read again when it may have changed. While it is
//! read again the page keeps what it has; an answer that says the same as before changes nothing on
//! the page, so focus and scrolling stay where they are. A reading that failed is tried again by itself
//! (`api::retry`) until it succeeds or the page is left.

use std::{rc::Rc, sync::Arc};

use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::{Api, Failure, Retry, remember};

use crate::reactive::{RwSignal, effect};

/// What is known of one thing of the server.
pub struct Read<T: 'static> {
    /// The thing, once it was read; stays while it is read again.
    pub value: RwSignal<Option<Arc<T>>>,
    /// Why the last reading failed; `None` after one that did not.
    pub failure: RwSignal<Option<Failure>>,
    /// Whether it is being read just now.
    pub reading: RwSignal<bool>,
    again: Trigger,
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Read<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Read<T> {
    /// Reads what stands at `path`, again whenever the path changes, and forgets the old thing then.
    /// `None`: nothing is to be read now.
    pub fn new(path: impl Fn() -> Option<String> + 'static) -> Self {
        let value = RwSignal::new(None);
        // What the value was made of, to know an answer that says the same.
        let last = StoredValue::new(None::<String>);
        let take = move |answer: Option<String>| {
            if answer.is_some() && last.with_value(|last| *last == answer) {
                return Ok(());
            }
            let read = answer.as_deref().map(serde_json::from_str).transpose();
            value.set(read.map_err(|error| Failure::unreadable(&error))?.map(Arc::new));
            last.set_value(answer);
            Ok(())
        };
        let (failure, reading, again) = follow(Box::new(path), Rc::new(take));
        Self { value, failure, reading, again }
    }
}

impl<T> Read<T> {
    /// Reads it again.
    pub fn again(self) {
        self.again.notify();
    }
}

/// Takes the text of an answer, or `None` when another thing is read from now on.
type Take = Rc<dyn Fn(Option<String>) -> Result<(), Failure>>;

/// What every reading does, whatever is read: compiled once, not for each type.
fn follow(path: Box<dyn Fn() -> Option<String>>, take: Take) -> (RwSignal<Option<Failure>>, RwSignal<bool>, Trigger) {
    let failure = RwSignal::new(None);
    let reading = RwSignal::new(true);
    let again = Trigger::new();
    let api = Api::here();
    let retry = Retry::new(again);
    let turn = StoredValue::new(0_u64);
    let asked = StoredValue::new(None::<String>);
    let forgive = move || {
        if failure.with_untracked(Option::is_some) {
            failure.set(None);
        }
    };
    effect(move || {
        again.track();
        let path = path();
        turn.update_value(|turn| *turn += 1);
        let mine = turn.get_value();
        if asked.with_value(|asked| *asked != path) {
            // Nothing is read in nothing.
            let _ = take(None);
            forgive();
            retry.over();
            asked.set_value(path.clone());
        }
        retry.begun();
        reading.set(path.is_some());
        let Some(path) = path else { return };
        let take = take.clone();
        spawn_local(async move {
            let answer = api.get_text(&path).await;
            // A newer reading, or a page that is gone, wants none of it.
            if turn.try_get_value() != Some(mine) {
                return;
            }
            reading.set(false);
            match answer.and_then(|text| take(Some(text))) {
                Ok(()) => {
                    retry.over();
                    forgive();
                }
                Err(error) => {
                    retry.failed(&error);
                    remember(failure, error);
                }
            }
        });
    });
    (failure, reading, again)
}
